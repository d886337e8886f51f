import { describe, expect, test } from 'vitest';

import { concatBytes, fromHex, toHex } from '#core/bytes.ts';
import { formatCode } from '#test/lab/format-code.ts';
import { vectorBytes, vectorJson } from '#test/lab/vectors.ts';
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

/** A TPM2B of `size` bytes. */
const long = (size: number) => size.toString(16).padStart(4, '0') + 'ab'.repeat(size);

/** The AK's public area with other fields of other lengths. */
function whole({ policy = '0000', x = long(32), y = long(32) }): Uint8Array {
  return fromHex(AK.slice(0, 16) + policy + AK.slice(20, 40) + x + y);
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
    ['an RSA scheme', edited(12, '0014'), 'unknown-selector'],
    ['a scheme with an unknown hash', edited(14, '0027'), 'unknown-selector'],
    ['a curve this system does not use', edited(16, '0010'), 'unknown-selector'],
    ['a KDF this system does not know', edited(18, '0030'), 'unknown-selector'],
    ['a coordinate wider than the field', edited(20, '0021'), 'size-out-of-range'],
    ['a whole policy longer than any digest', whole({ policy: long(65) }), 'size-out-of-range'],
    ['a policy as long as the longest digest', whole({ policy: long(64) }), 'accepted'],
    ['a whole x wider than the field', whole({ x: long(33) }), 'size-out-of-range'],
    ['a whole y wider than the field', whole({ y: long(33) }), 'size-out-of-range'],
    ['a byte too many', concatBytes(fromHex(AK), Buffer.of(0)), 'trailing-bytes'],
    ['a byte too few', fromHex(AK).subarray(0, -1), 'truncated'],
    ['nothing', new Uint8Array(), 'truncated'],
  ])('says what is wrong with %s', (_what, bytes, code) => {
    expect(formatCode(() => parsePublicArea(bytes))).toBe(code);
  });

  // The cipher of a storage key stands after a policy of 32 bytes.
  test.each([
    ['AES-128 in CFB mode', '000600800043', 'accepted'],
    ['AES-256 in CFB mode', '000601000043', 'accepted'],
    ['AES-192', '000600c00043', 'unknown-selector'],
    ['SM4', '001300800043', 'unknown-selector'],
    ['AES in CBC mode', '000600800042', 'unknown-selector'],
  ])('takes the cipher of a storage key: %s', (_what, cipher, code) => {
    const hex = AREAS['ek_p256_L2'] ?? '';
    expect(formatCode(() => parsePublicArea(fromHex(hex.slice(0, 84) + cipher + hex.slice(96))))).toBe(code);
  });

  test('names the cipher of a storage key', () => {
    expect(parsePublicArea(fromHex(AREAS['ek_p256_L2'] ?? ''))).toMatchObject({
      symmetric: { kind: 'aes-cfb', keyBits: 128 },
    });
  });

  test.each([
    ['none', '0010', 'accepted'],
    ['HMAC', '0005000b', 'accepted'],
    ['XOR', '000a000b0022', 'accepted'],
    ['RSASSA', '0014000b', 'unknown-selector'],
    ['nothing known', 'ffff', 'unknown-selector'],
  ])('takes the scheme of a keyed-hash object: %s', (_what, scheme, code) => {
    const bytes = fromHex(`0008000b000000d20000${scheme}0020${'00'.repeat(32)}`);
    expect(formatCode(() => parsePublicArea(bytes))).toBe(code);
  });

  test.each([
    ['0010', { kind: 'null' }],
    ['0015', { kind: 'rsaes' }],
    ['0014000b', { kind: 'rsassa', hash: 'sha256' }],
    ['0016000c', { kind: 'rsapss', hash: 'sha384' }],
    ['0017000d', { kind: 'oaep', hash: 'sha512' }],
  ])('reads the RSA scheme %s', (scheme, expected) => {
    const hex = AREAS['ak_rsa2048'] ?? '';
    const whole = hex.slice(0, 24) + scheme + hex.slice(32);
    expect(parsePublicArea(fromHex(whole))).toMatchObject({ scheme: expected });
    expect(toHex(writePublicArea(parsePublicArea(fromHex(whole))))).toBe(whole);
  });

  test.each(['0018000b', '0019000b', 'ffff000b'])('refuses %s as an RSA scheme', (scheme) => {
    const hex = AREAS['ak_rsa2048'] ?? '';
    expect(formatCode(() => parsePublicArea(fromHex(hex.slice(0, 24) + scheme + hex.slice(32))))).toBe(
      'unknown-selector',
    );
  });

  test.each([
    ['0010', { kind: 'null' }],
    ['0018000c', { kind: 'ecdsa', hash: 'sha384' }],
    ['0019000b', { kind: 'ecdh', hash: 'sha256' }],
    ['001a000b0007', { kind: 'ecdaa', hash: 'sha256', count: 7 }],
    ['001b000b', { kind: 'sm2', hash: 'sha256' }],
    ['001c000b', { kind: 'ecschnorr', hash: 'sha256' }],
    ['001d000b', { kind: 'ecmqv', hash: 'sha256' }],
  ])('reads the ECC scheme %s', (scheme, expected) => {
    const whole = AK.slice(0, 24) + scheme + AK.slice(32);
    expect(parsePublicArea(fromHex(whole))).toMatchObject({ scheme: expected });
    expect(toHex(writePublicArea(parsePublicArea(fromHex(whole))))).toBe(whole);
  });

  test.each([
    ['0020000b', { kind: 'kdf1-sp800-56a', hash: 'sha256' }],
    ['0021000c', { kind: 'kdf2', hash: 'sha384' }],
    ['0022000b', { kind: 'kdf1-sp800-108', hash: 'sha256' }],
  ])('reads the KDF %s', (kdf, expected) => {
    const whole = AK.slice(0, 36) + kdf + AK.slice(40);
    expect(parsePublicArea(fromHex(whole))).toMatchObject({ kdf: expected });
    expect(toHex(writePublicArea(parsePublicArea(fromHex(whole))))).toBe(whole);
  });

  test('refuses an RSA key size that no TPM has', () => {
    const hex = AREAS['ak_rsa2048'] ?? '';
    expect(() => parsePublicArea(fromHex(hex))).not.toThrow();
    // type 2, nameAlg 2, attributes 4, policy 2, symmetric 2, scheme 4: keyBits is at 16.
    const other = fromHex(`${hex.slice(0, 32)}0801${hex.slice(36)}`);
    expect(formatCode(() => parsePublicArea(other))).toBe('unknown-selector');
    const longer = fromHex(`${hex.slice(0, 44)}0101ab${hex.slice(48)}`);
    expect(formatCode(() => parsePublicArea(longer))).toBe('size-out-of-range');
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

  test('refuses sealed data whose unique field is longer than any digest', () => {
    const object = (size: number) => fromHex(`0008000b000000d200000010${long(size)}`);
    expect(formatCode(() => parsePublicArea(object(64)))).toBe('accepted');
    expect(formatCode(() => parsePublicArea(object(65)))).toBe('size-out-of-range');
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
