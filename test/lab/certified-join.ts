import type { Bytes } from '#core/bytes.ts';
import type { ChallengeRequest } from '#protocol/challenge.ts';

import { anchoredPolicy } from './anchored-policy.ts';
import {
  answerOf,
  askChallenge,
  challengeRequestOf,
  type JoinLab,
  joinLab,
  lastDenials,
  submit,
  told,
} from './join-lab.ts';
import { labTpm } from './software-tpm.ts';
import { issueEkCertificate, type LabEkCa, labEkCa } from './tpm-certificates.ts';
import { challengeResponseSchema } from '#protocol/challenge.ts';

/** A laboratory whose pool asks for EK certificates, the maker whose root it trusts, and what is needed to show it others. */
export interface CertifiedLab {
  readonly lab: JoinLab;
  readonly maker: LabEkCa;
  /** The EK's own certificate, by the maker. */
  readonly certificate: Bytes;
  /** A whole join that shows these certificates: `ok`, or the problem and the denials on record. */
  readonly joinWith: (...ekCertificates: readonly Bytes[]) => Promise<readonly string[]>;
}

export async function certifiedLab(): Promise<CertifiedLab> {
  const maker = labEkCa();
  const tpm = labTpm();
  const lab = await joinLab({ tpm, policy: anchoredPolicy(tpm, maker.pem) });
  return {
    lab,
    maker,
    certificate: issueEkCertificate(maker, { spki: tpm.ekSpki, keyType: 'ecc' }),
    joinWith: async (...ekCertificates) => {
      const honest = challengeRequestOf(tpm);
      const { attester } = honest;
      if (attester.kind !== 'tpm2-quote') throw new Error('a TPM');
      const request: ChallengeRequest = { ...honest, attester: { ...attester, ekCertificates: [...ekCertificates] } };
      const asked = await askChallenge(lab, { request });
      if (!asked.ok) return [told(asked)];
      const outcome = await submit(lab, answerOf(challengeResponseSchema.parse(asked.response), tpm));
      return outcome.ok ? ['ok'] : [told(outcome), ...(await lastDenials(lab.store))];
    },
  };
}
