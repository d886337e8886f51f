import { describe, expect, test } from 'vitest';

import { toHex } from '#core/bytes.ts';
import { verifyEvidence } from '#attestation/verify-evidence.ts';
import { labTpm, type LabTpmOptions } from '#test/lab/software-tpm.ts';
import { labJoin, labNode } from '#test/lab/tpm-evidence.ts';

describe('verifying evidence', () => {
  test.each<LabTpmOptions>([
    { ek: 'p256', ak: 'p256' },
    { ek: 'p384', ak: 'p384' },
    { ek: 'rsa', ak: 'rsassa' },
    { ek: 'rsa', ak: 'rsapss' },
    { ek: 'rsa', ak: 'p256', akParent: 'ek' },
  ])('accepts that of a TPM with %o', (options) => {
    const node = labNode({ tpm: labTpm(options) });
    const verification = verifyEvidence(labJoin(node));
    expect(verification).toMatchObject({
      ok: true,
      claims: {
        kind: 'tpm2-quote',
        ek: {
          fingerprint: node.tpm.ekFingerprint,
          certificate: { manufacturer: 'id:53544D20', model: 'LAB-1', software: false },
        },
        akName: toHex(node.tpm.akName),
        bank: 'sha256',
        clockSafe: true,
      },
    });
  });
});
