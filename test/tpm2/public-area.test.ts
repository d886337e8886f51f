import { describe, expect, test } from 'vitest';

import { concatBytes, fromHex, toHex } from '#core/bytes.ts';
import { formatCode } from '#test/lab/format-code.ts';
import { vectorBytes, vectorJson } from '#test/lab/vectors.ts';
import { Tpm2FormatError } from '#tpm2/format-error.ts';
import { objectName, qualifiedName } from '#tpm2/name.ts';
import { hasAnyAttribute, hasAttributes, parsePublicArea, writePublicArea } from '#tpm2/public-area.ts';
import { RH } from '#tpm2/constants.ts';
import { parseAttest } from '#tpm2/attest.ts';

const { names, ...AREAS } = vectorJson<Record<string, string> & { names: Record<string, string> }>(
  'generated-swtpm/public-areas.json',
) as { names: Record<string, string> } & Record<string, string>;

const AK = AREAS['ak_p256'] ?? '';

/** The AK's public area with `value` in place of the bytes at `offset`. */
function edited(offset: number, value: string): Uint8Array {
  return fromHex(AK.slice(0, offset * 2) + value + AK.slice(offset * 2 + value.length));
}

describe('parsePublicArea', () => {
  test.each(Object.entries(AREAS))('reads %s, writes it back and names it', (id, hex) => {
    const bytes = fromHex(hex);
    const area = parsePublicArea(bytes);
    expect(toHex(writePublicArea(area))).toBe(hex);
    expect(toHex(objectName(bytes, area.nameAlg))).toBe(names[id]);
  });

  test('reads each field of a restricted signing key', () => {
    const area = parsePublicArea(fromHex(AK));
    expect(area).toMatchObject({
      type: 'ecc',
      nameAlg: 'sha256',
      attributes: 0x00050072,
      authPolicy: fromHex(''),
      symmetric: { kind: 'null' },
      scheme: { kind: 'ecdsa', hash: 'sha256' },
      curve: 'P-256',
      kdf: { kind: 'null' },
    });
    expect(hasAttributes(area, 'fixedTpm', 'fixedParent', 'sensitiveDataOrigin', 'restricted', 'sign')).toBe(true);
    expect(hasAttributes(area, 'restricted', 'decrypt')).toBe(false);
    expect(hasAnyAttribute(area, 'decrypt', 'encryptedDuplication', 'stClear')).toBe(false);
    expect(hasAnyAttribute(area, 'decrypt', 'sign')).toBe(true);
  });

  test.each([
    ['the area as it is', edited(0, '0023'), 'accepted'],
    ['a symmetric cipher object', edited(0, '0025'), 'unknown-selector'],
    ['an unknown type', edited(0, 'ffff'), 'unknown-selector'],
    ['nameAlg NULL', edited(2, '0010'), 'unknown-selector'],
    ['nameAlg SM3', edited(2, '0012'), 'unknown-selector'],
    ['attribute bit 0', edited(4, '00050073'), 'reserved-bits-set'],
    ['attribute bit 3', edited(4, '0005007a'), 'reserved-bits-set'],
    ['attribute bit 31', edited(4, '80050072'), 'reserved-bits-set'],
    ['a policy longer than any digest', edited(8, '0041'), 'size-out-of-range'],
    ['a cipher other than AES', edited(10, '0013008000430018'), 'unknown-selector'],
    ['AES in another mode', edited(10, '0006008000420018'), 'unknown-selector'],
    ['an RSA scheme', edited(12, '0014'), 'unknown-selector'],
    ['a scheme with an unknown hash', edited(14, '0027'), 'unknown-selector'],
    ['a curve this system does not use', edited(16, '0010'), 'unknown-selector'],
    ['a KDF this system does not know', edited(18, '0030'), 'unknown-selector'],
    ['a coordinate wider than the field', edited(20, '0021'), 'size-out-of-range'],
    ['a byte too many', concatBytes(fromHex(AK), Buffer.of(0)), 'trailing-bytes'],
    ['a byte too few', fromHex(AK).subarray(0, -1), 'truncated'],
    ['nothing', new Uint8Array(), 'truncated'],
  ])('says what is wrong with %s', (_what, bytes, code) => {
    expect(formatCode(() => parsePublicArea(bytes))).toBe(code);
  });

  test('refuses an RSA key size that no TPM has', () => {
    const hex = AREAS['ak_rsa2048'] ?? '';
    expect(() => parsePublicArea(fromHex(hex))).not.toThrow();
    // type 2, nameAlg 2, attributes 4, policy 2, symmetric 2, scheme 4: keyBits is at 16.
    const other = fromHex(`${hex.slice(0, 32)}0801${hex.slice(36)}`);
    expect(() => parsePublicArea(other)).toThrow(Tpm2FormatError);
  });

  test.each([
    ['sealed data', '0008000b000000d2000000100020', { kind: 'null' }],
    ['an HMAC key', '0008000b000400720000' + '0005000b0020', { kind: 'hmac', hash: 'sha256' }],
    ['an XOR key', '0008000b000200720000' + '000a000b00220020', { kind: 'xor', hash: 'sha256', kdf: 0x22 }],
  ])('reads the keyed-hash object of %s', (_what, head, scheme) => {
    const hex = head + 'ab'.repeat(32);
    const area = parsePublicArea(fromHex(hex));
    expect(area).toMatchObject({ type: 'keyedhash', scheme, unique: fromHex('ab'.repeat(32)) });
    expect(toHex(writePublicArea(area))).toBe(hex);
  });

  test.each(['ak', 'ek'])('reads the TPM2B_PUBLIC of a keylime %s', (key) => {
    const bytes = vectorBytes(`keylime-tpm2-files/${key}.pub`).subarray(2);
    expect(toHex(writePublicArea(parsePublicArea(bytes)))).toBe(toHex(bytes));
  });

  test('gives the Name that tpm2-tools wrote down', () => {
    const bytes = vectorBytes('keylime-tpm2-files/ak.pub').subarray(2);
    expect(toHex(objectName(bytes, 'sha256'))).toBe(toHex(vectorBytes('keylime-tpm2-files/ak.name')));
  });
});

describe('qualifiedName', () => {
  test('is what the TPM puts in a quote of a primary in the endorsement hierarchy', () => {
    const [entry] = vectorJson<{ akPublic: string; attest: string }[]>('generated-swtpm/clockinfo-sequence.json');
    const name = objectName(fromHex(entry?.akPublic ?? ''), 'sha256');
    const { qualifiedSigner } = parseAttest(fromHex(entry?.attest ?? ''));
    expect(toHex(qualifiedName(RH.endorsement, name, 'sha256'))).toBe(toHex(qualifiedSigner));
    expect(toHex(qualifiedName(RH.owner, name, 'sha256'))).not.toBe(toHex(qualifiedSigner));
  });

  test('is what the TPM puts in a quote of a child of the storage root key', () => {
    const { attest } = vectorJson<{ attest: string }>('generated-swtpm/certify-tls-key.json');
    const srk = qualifiedName(RH.owner, fromHex(names['srk_p256'] ?? ''), 'sha256');
    const child = qualifiedName(srk, fromHex(names['ak_p256'] ?? ''), 'sha256');
    expect(toHex(child)).toBe(toHex(parseAttest(fromHex(attest)).qualifiedSigner));
  });
});
