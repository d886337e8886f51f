import { createHash, X509Certificate } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import { concatBytes, fromHex, toHex } from '#core/bytes.ts';
import { vectorBytes, vectorJson } from '#test/lab/vectors.ts';
import { OBJECT_ATTRIBUTE } from '#tpm2/constants.ts';
import {
  EK_TEMPLATE_IDS,
  type EkKey,
  ekNeedsPolicySession,
  ekPublicFromKey,
  matchEkTemplate,
  templatePublic,
  templatesForKey,
} from '#tpm2/ek-template.ts';
import { type PublicArea, parsePublicArea, writePublicArea } from '#tpm2/public-area.ts';

import { transcript } from './transcript.ts';

const AREAS = vectorJson<Record<string, string>>('generated-swtpm/public-areas.json');
const REAL = [
  ['L-1', parsePublicArea(fromHex(AREAS['ek_rsa2048_L1'] ?? ''))],
  ['L-2', parsePublicArea(fromHex(AREAS['ek_p256_L2'] ?? ''))],
  ['H-3', parsePublicArea(fromHex(AREAS['ek_p384_H3'] ?? ''))],
] as const;

function keyOf(area: PublicArea): EkKey {
  if (area.type === 'rsa') return { type: 'rsa', modulus: area.modulus, exponent: 65537 };
  if (area.type === 'ecc') return { type: 'ecc', curve: area.curve, x: area.x, y: area.y };
  throw new Error('not a key');
}

describe('EK templates', () => {
  test('L-1 is the default template of tpm2-tools', () => {
    expect(toHex(writePublicArea(templatePublic('L-1')))).toBe(
      toHex(vectorBytes('tpm2-tools/ek-template-default.bin')),
    );
  });

  test.each([
    ['L-1', 'CreatePrimary(EK RSA2048 L-1)'],
    ['L-2', 'CreatePrimary(EK P256 L-2)'],
  ] as const)('%s is what a TPM was given in %s', (id, name) => {
    const command = transcript('tpm2-transcript').find((each) => each.name === name)?.command ?? new Uint8Array();
    expect(toHex(command)).toContain(toHex(writePublicArea(templatePublic(id))));
  });

  // An IBM TSS policy file holds the policy digest; a policy's name there tells the hash.
  test.each([
    ['L-1', 'policyiwgeksha256.bin'],
    ['H-1', 'policyiwgekbsha256.bin'],
    ['H-2', 'policyiwgekbsha256.bin'],
    ['H-3', 'policyiwgekbsha384.bin'],
    ['H-4', 'policyiwgekbsha512.bin'],
    ['H-6', 'policyiwgekbsha384.bin'],
  ] as const)('%s has the policy of %s', (id, file) => {
    expect(toHex(templatePublic(id).authPolicy)).toBe(toHex(vectorBytes(`ibmtss/${file}`)));
  });

  test('PolicyA is PolicySecret of the endorsement hierarchy', () => {
    const hash = (...parts: Uint8Array[]) =>
      createHash('sha256')
        .update(concatBytes(...parts))
        .digest();
    const first = hash(new Uint8Array(32), fromHex('00000151'), fromHex('4000000b'));
    expect(toHex(templatePublic('L-1').authPolicy)).toBe(toHex(hash(first)));
  });

  test.each(EK_TEMPLATE_IDS)('%s has exactly the attributes of its range', (id) => {
    const area = templatePublic(id);
    expect(area.attributes).toBe(id.startsWith('L') ? 0x000300b2 : 0x000300f2);
    expect(ekNeedsPolicySession(area)).toBe(id.startsWith('L'));
    expect(toHex(writePublicArea(parsePublicArea(writePublicArea(area))))).toBe(toHex(writePublicArea(area)));
    expect(matchEkTemplate(area)).toBe(id);
  });

  test('a nonce stands at the left of the unique field, filled up with zeros', () => {
    const unique = (...args: Parameters<typeof templatePublic>) =>
      toHex(writePublicArea(templatePublic(...args))).slice(-136);
    const zeros = (length: number) => '00'.repeat(length);
    expect(unique('H-2', fromHex('aabb'))).toBe(`0020aabb${zeros(30)}0020${zeros(32)}`);
    expect(unique('L-2')).toBe(`0020${zeros(32)}0020${zeros(32)}`);
    expect(unique('H-2')).toMatch(/0003001000000000$/);
    expect(() => templatePublic('L-2', new Uint8Array(33))).toThrow(RangeError);
  });
});

test.each([
  ['of the low range', {}, true],
  ['with another policy', { authPolicy: new Uint8Array(32) }, false],
  ['that takes a password', { attributes: 0x000300f2 }, false],
])('an EK %s may need a policy session', (_what, override, needed) => {
  expect(ekNeedsPolicySession({ ...REAL[0][1], ...override })).toBe(needed);
});

describe('matchEkTemplate', () => {
  test.each(REAL)('finds %s for a real EK', (id, area) => {
    expect(matchEkTemplate(area)).toBe(id);
  });

  test.each([
    ['as it is', {}, 'L-1'],
    ['with sign', { attributes: 0x000300b2 | OBJECT_ATTRIBUTE.sign }, undefined],
    ['without restricted', { attributes: 0x000300b2 & ~OBJECT_ATTRIBUTE.restricted }, undefined],
    ['with another policy', { authPolicy: new Uint8Array(32) }, undefined],
    ['without a policy', { authPolicy: new Uint8Array() }, undefined],
    ['with another cipher', { symmetric: { kind: 'aes-cfb', keyBits: 256 } }, undefined],
    ['with a scheme', { scheme: { kind: 'rsassa', hash: 'sha256' } }, undefined],
    ['with another exponent', { exponent: 3 }, undefined],
    ['with another nameAlg', { nameAlg: 'sha384' }, undefined],
  ])('compares everything but the key: L-1 %s', (_what, override, id) => {
    expect(matchEkTemplate({ ...REAL[0][1], ...override } as PublicArea)).toBe(id);
  });

  test('finds none for a keyed-hash object', () => {
    expect(matchEkTemplate(parsePublicArea(fromHex(`0008000b000000d2000000100020${'00'.repeat(32)}`)))).toBeUndefined();
  });
});

describe('ekPublicFromKey', () => {
  test.each(REAL)('rebuilds the %s EK of a real TPM from its key', (id, area) => {
    const rebuilt = ekPublicFromKey(id, keyOf(area));
    expect(rebuilt && toHex(writePublicArea(rebuilt))).toBe(toHex(writePublicArea(area)));
  });

  test.each([
    ['the key of the certificate', 'L-1', keyOf(REAL[0][1]), true],
    ['a key of another type', 'L-1', keyOf(REAL[1][1]), false],
    ['a key of another type', 'L-2', keyOf(REAL[0][1]), false],
    ['a key of another size', 'H-6', keyOf(REAL[0][1]), false],
    ['a key of another curve', 'L-2', keyOf(REAL[2][1]), false],
    ['another exponent', 'L-1', { ...keyOf(REAL[0][1]), exponent: 3 } as EkKey, false],
  ] as const)('rebuilds an EK only if the key fits: %s for %s', (_what, id, key, fits) => {
    expect(ekPublicFromKey(id, key) !== undefined).toBe(fits);
  });

  test('names the templates that a key fits', () => {
    expect(REAL.map(([, area]) => templatesForKey(keyOf(area)))).toEqual([['L-1', 'H-1'], ['L-2', 'H-2'], ['H-3']]);
  });

  test('rebuilds the EK of the TPM from its certificate', () => {
    const chunks = transcript('tpm2-transcript').filter(({ name }) => name.startsWith('NV_Read(01c00002'));
    const der = concatBytes(...chunks.map(({ response }) => response.subarray(16, -5)));
    const jwk = new X509Certificate(der).publicKey.export({ format: 'jwk' });
    const rebuilt = ekPublicFromKey('L-1', {
      type: 'rsa',
      modulus: Buffer.from(jwk.n ?? '', 'base64url'),
      exponent: 65537,
    });
    expect(rebuilt && toHex(writePublicArea(rebuilt))).toBe(AREAS['ek_rsa2048_L1']);
  });
});
