import { describe, expect, test } from 'vitest';

import { systemRandom } from '#core/random.ts';
import { buildActivation } from '#attestation/tpm2/activation.ts';
import { appraisal, claimsOf, labAppraisal, verdict } from '#test/lab/tpm-appraisal.ts';
import { labChallenge, labEvidence, labJoin, labNode } from '#test/lab/tpm-evidence.ts';

describe('T04 a genuine TPM that is not the enrolled one', () => {
  const enrolled = labNode();
  const stranger = labNode({ ca: enrolled.ca });

  test('the enrolled TPM is admitted', () => {
    expect(appraisal(labAppraisal(enrolled, claimsOf(labJoin(enrolled))))).toBe('affirming');
  });

  test('quotes our nonce for a challenge made for the enrolled one: the signature is not the AK', () => {
    const join = labJoin(enrolled);
    const relayed = labEvidence({ ...stranger, spki: enrolled.spki }, join.challenge);
    expect(verdict({ ...join, evidence: relayed })).toBe('quote-signature-invalid');
  });

  test("puts its AK beside the enrolled TPM's EK: the credential opens on neither", () => {
    const mixed = buildActivation({
      ekPublic: enrolled.tpm.ekPublic,
      akPublic: stranger.tpm.akPublic,
      random: systemRandom,
    });
    if (!mixed.ok) throw new Error(mixed.denial.code);
    const { credentialBlob, encryptedSecret } = mixed;
    expect(() => stranger.tpm.activateCredential(credentialBlob, encryptedSecret)).toThrow('TPM_RC_INTEGRITY');
    expect(() => enrolled.tpm.activateCredential(credentialBlob, encryptedSecret)).toThrow('TPM_RC_INTEGRITY');
    const challenge = labChallenge(enrolled, { akPublic: stranger.tpm.akPublic, activationSecret: mixed.secret });
    const evidence = {
      ...labEvidence({ ...stranger, spki: enrolled.spki }, challenge),
      activationSecret: systemRandom(32),
    };
    expect(verdict({ ...labJoin(enrolled), challenge, evidence })).toBe('activation-failed');
  });

  test('answers for itself: it verifies, and nobody enrolled it', () => {
    const claims = claimsOf(labJoin(stranger));
    expect(appraisal(labAppraisal(enrolled, claims, { node: undefined }))).toEqual(['ek-not-enrolled']);
    // Even if the caller looked the record up by the name that the node claims.
    expect(appraisal(labAppraisal(enrolled, claims))).toContain('ek-not-enrolled');
  });
});
