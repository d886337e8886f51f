import { describe, expect, test } from 'vitest';

import { systemRandom } from '#core/random.ts';
import { buildActivation } from '#attestation/tpm2/activation.ts';
import { OBJECT_ATTRIBUTE } from '#tpm2/constants.ts';
import { type PublicArea, writePublicArea } from '#tpm2/public-area.ts';
import { verdict } from '#test/lab/tpm-appraisal.ts';
import { labJoin, labNode } from '#test/lab/tpm-evidence.ts';
import { eccArea } from '#test/lab/tpm-keys.ts';

describe('T12 an EK that is not made from a template', () => {
  const node = labNode();
  const ek = eccArea(node.tpm.ekArea);
  const bits = (attributes: number): PublicArea => ({ ...ek, attributes });

  const ROWS: readonly [string, PublicArea, string][] = [
    ['template L-2', ek, 'accepted'],
    ['that signs', bits(ek.attributes | OBJECT_ATTRIBUTE.sign), 'ek-template-unsafe'],
    ['that is not restricted', bits(ek.attributes & ~OBJECT_ATTRIBUTE.restricted), 'ek-template-unsafe'],
    ['with a password', bits(ek.attributes | OBJECT_ATTRIBUTE.userWithAuth), 'ek-template-unsafe'],
    ['that may leave its TPM', bits(ek.attributes & ~OBJECT_ATTRIBUTE.fixedTpm), 'ek-template-unsafe'],
    ['with another policy', { ...ek, authPolicy: Buffer.alloc(32, 7) }, 'ek-template-unsafe'],
    ['without a policy', { ...ek, authPolicy: new Uint8Array() }, 'ek-template-unsafe'],
    ['with AES-256', { ...ek, symmetric: { kind: 'aes-cfb', keyBits: 256 } }, 'ek-template-unsafe'],
    ['without a cipher', { ...ek, symmetric: { kind: 'null' } }, 'ek-template-unsafe'],
    ['with a scheme', { ...ek, scheme: { kind: 'ecdh', hash: 'sha256' } }, 'ek-template-unsafe'],
    ['named with SHA-1', { ...ek, nameAlg: 'sha1' }, 'ek-template-unsafe'],
  ];

  test.each(ROWS)('%s', (_, area, expected) => {
    const ekPublic = writePublicArea(area);
    const join = labJoin(node);
    expect(verdict({ ...join, challenge: { ...join.challenge, ekPublic } })).toBe(expected);
    const activation = buildActivation({ ekPublic, akPublic: node.tpm.akPublic, random: systemRandom });
    expect(activation.ok ? 'accepted' : activation.denial.code).toBe(expected);
  });
});
