import { describe, expect, test } from 'vitest';

import { compilePolicy, type Policy } from '#attestation/evidence-policy.ts';
import type { Bytes } from '#core/bytes.ts';
import { policySchema } from '#protocol/policy.ts';
import { memoryStore } from '#test/fakes/memory-store.ts';
import { join, joinLab, lastDenials, PCRS, referenceValuesOf, told } from '#test/lab/join-lab.ts';
import { type LabTpm, labTpm } from '#test/lab/software-tpm.ts';
import { issueEkCertificate, labEkCa } from '#test/lab/tpm-certificates.ts';

const CA = labEkCa();

/** A pool that admits only EKs which `CA` certified. */
function certifiedPool(tpm: LabTpm): Policy {
  const document = policySchema.parse({
    apiVersion: 'muster/v1',
    kind: 'Policy',
    pools: {
      general: {
        protectionRating: 'default',
        segments: ['10.1.0.0/16'],
        tpm2: { pcrs: PCRS, referenceValues: ['now.yaml'], ekAnchors: ['ca.pem'] },
      },
    },
  });
  const compiled = compilePolicy(document, {
    referenceValues: new Map([['now.yaml', referenceValuesOf(tpm)]]),
    anchors: new Map([['ca.pem', CA.pem]]),
    referenceSigners: new Map(),
  });
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.errors));
  return compiled.policy;
}

/** A store whose enrolments bring this certificate. */
const storeWithCertificate = (ekCertificate: Bytes | undefined) =>
  memoryStore((real) => ({
    enrolNodes: (enrolments, ...rest) =>
      real.enrolNodes(
        enrolments.map((enrolment) => ({ ...enrolment, ekCertificate })),
        ...rest,
      ),
  }));

describe('a node whose TPM holds no EK certificate', () => {
  test.each<[string, (tpm: LabTpm) => Bytes | undefined, string, readonly string[]]>([
    [
      'joins by the certificate that it was enrolled with',
      (tpm) => issueEkCertificate(CA, { spki: tpm.ekSpki, keyType: 'ecc' }),
      'ok',
      [],
    ],
    ['is refused when it was enrolled without one', () => undefined, 'evidence-rejected', ['ek-certificate-missing']],
    [
      'is refused when the enrolled one is by another maker',
      (tpm) => issueEkCertificate(labEkCa(), { spki: tpm.ekSpki, keyType: 'ecc' }),
      'evidence-rejected',
      ['ek-chain-untrusted'],
    ],
    [
      'is refused when the enrolled one is another key’s',
      () => issueEkCertificate(CA, { spki: labTpm().ekSpki, keyType: 'ecc' }),
      'evidence-rejected',
      ['ek-certificate-key-mismatch'],
    ],
  ])('%s', async (_, certificate, outcome, denials) => {
    const tpm = labTpm();
    const store = storeWithCertificate(certificate(tpm));
    const lab = await joinLab({ store, tpm, policy: certifiedPool(tpm) });
    expect(told(await join(lab))).toBe(outcome);
    expect(await lastDenials(store)).toEqual(denials);
  });
});
