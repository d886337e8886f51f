import type { Attester } from '#agent/attester.ts';
import { toBase64Url } from '#core/bytes.ts';
import { labTpm, type LabTpm } from '#test/lab/software-tpm.ts';

/** An attester over a TPM in this process's memory, for tests that are about everything but the TPM. */
export function labAttester(tpm: LabTpm = labTpm()): Attester {
  return {
    ekType: 'p-256',
    description: {
      kind: 'tpm2-quote',
      ekPublic: toBase64Url(tpm.ekPublic),
      ekCertificates: [],
      akPublic: toBase64Url(tpm.akPublic),
    },
    collectEvidence(challenge, qualifyingData) {
      if (challenge.kind !== 'tpm2-quote')
        return Promise.resolve({ ok: false, reason: 'it is no challenge for a TPM' });
      const [selection] = challenge.pcrSelection;
      if (selection === undefined) return Promise.resolve({ ok: false, reason: 'it asks for no PCR' });
      const { hash: bank, pcrs } = selection;
      const { quoted, signature } = tpm.quote({ qualifyingData, bank, pcrs });
      const secret = tpm.activateCredential(challenge.credentialBlob, challenge.encryptedSecret);
      return Promise.resolve({
        ok: true,
        evidence: {
          kind: 'tpm2-quote',
          activationSecret: toBase64Url(secret),
          quoted: toBase64Url(quoted),
          signature: toBase64Url(signature),
          pcrs: { [bank]: tpm.readPcrs(bank, pcrs) },
        },
      });
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
