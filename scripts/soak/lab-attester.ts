import { toBase64Url } from '#core/bytes.ts';
import type { Attester } from '#agent/attester.ts';
import type { LabTpm } from '#test/lab/software-tpm.ts';

/** The agent's attester over a TPM in this process's memory: what the agent sends is what it would send with a real one. */
export function labAttester(tpm: LabTpm): Attester {
  return {
    ekType: undefined,
    description: {
      kind: 'tpm2-quote',
      ekPublic: toBase64Url(tpm.ekPublic),
      ekCertificates: [],
      akPublic: toBase64Url(tpm.akPublic),
    },
    collectEvidence: (challenge, qualifyingData) => {
      const [selection] = challenge.kind === 'tpm2-quote' ? challenge.pcrSelection : [];
      if (challenge.kind !== 'tpm2-quote' || selection === undefined)
        return Promise.resolve({ ok: false, reason: 'it asks for no quote' });
      const { hash: bank, pcrs } = selection;
      const secret = tpm.activateCredential(challenge.credentialBlob, challenge.encryptedSecret);
      tpm.tick(1);
      const { quoted, signature } = tpm.quote({ qualifyingData, bank, pcrs });
      const evidence = {
        kind: 'tpm2-quote' as const,
        activationSecret: toBase64Url(secret),
        quoted: toBase64Url(quoted),
        signature: toBase64Url(signature),
        pcrs: { [bank]: tpm.readPcrs(bank, pcrs) },
      };
      return Promise.resolve({ ok: true, evidence });
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
