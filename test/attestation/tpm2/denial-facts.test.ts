import { describe, expect, test } from 'vitest';

import { type Bytes, fromHex, toHex } from '#core/bytes.ts';
import { type Denial } from '#attestation/result.ts';
import { readAttestationKey } from '#attestation/tpm2/attestation-key.ts';
import { readEndorsementKey } from '#attestation/tpm2/endorsement-key.ts';
import { type QuoteInput, verifyQuote } from '#attestation/tpm2/verify-quote.ts';
import { type PublicArea, writePublicArea } from '#tpm2/public-area.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { eccArea } from '#test/lab/tpm-keys.ts';

// What a refusal says was expected and found stands in the audit log, and is all that an administrator has to go on.

const facts = (outcome: object) => {
  const { expected, found, pcr } = outcome as Denial;
  return pcr === undefined ? { expected, found } : { expected, found, pcr };
};

describe('a refused quote', () => {
  const tpm = labTpm();
  const PCRS = [0, 7];
  const QUALIFYING = fromHex('a5'.repeat(32));
  const ak = readAttestationKey(tpm.akPublic);
  if ('code' in ak) throw new Error(ak.code);
  const zeros = '00'.repeat(32);
  const refused = (change: Partial<QuoteInput>) =>
    facts(
      verifyQuote({
        ak,
        ...tpm.quote({ qualifyingData: QUALIFYING, bank: 'sha256', pcrs: PCRS }),
        qualifyingData: QUALIFYING,
        bank: 'sha256',
        pcrs: PCRS,
        claimedPcrs: { sha256: { 0: zeros, 7: zeros } },
        ...change,
      }),
    );
  const quoted = (options: {
    readonly scheme?: { readonly kind: 'ecdsa'; readonly hash: 'sha1' };
    readonly nonce?: Bytes;
  }) =>
    tpm.quote({
      qualifyingData: options.nonce ?? QUALIFYING,
      bank: 'sha256',
      pcrs: PCRS,
      ...(options.scheme && { scheme: options.scheme }),
    });

  test('by its scheme names both', () => {
    expect(refused(quoted({ scheme: { kind: 'ecdsa', hash: 'sha1' } }))).toEqual({
      expected: 'ecdsa-sha256',
      found: 'ecdsa-sha1',
    });
    expect(refused({ signature: fromHex('0010') })).toEqual({ expected: 'ecdsa-sha256', found: 'null' });
  });

  test('by its nonce shows both', () => {
    expect(refused(quoted({ nonce: fromHex('5a'.repeat(32)) }))).toEqual({
      expected: toHex(QUALIFYING),
      found: '5a'.repeat(32),
    });
  });

  test.each<[string, QuoteInput['claimedPcrs'], object]>([
    ['no bank', {}, { expected: 'sha256', found: 'no bank' }],
    ['two banks', { sha256: {}, sha384: {} }, { expected: 'sha256', found: 'sha256 sha384' }],
    ['another bank', { sha384: {} }, { expected: 'sha256', found: 'sha384' }],
    ['fewer PCRs', { sha256: { 0: zeros } }, { expected: '0 7', found: '0' }],
    ['other PCRs', { sha256: { 0: zeros, 8: zeros } }, { expected: '0 7', found: '0 8' }],
    ['a shorter value', { sha256: { 0: zeros, 7: '00' } }, { expected: '32 bytes', found: '1 bytes', pcr: 7 }],
  ])('by the PCR values beside it says what they are: %s', (_what, claimedPcrs, expected) => {
    expect(refused({ claimedPcrs })).toEqual(expected);
  });
});

describe('a refused key', () => {
  const ecc = eccArea(labTpm({ ak: 'p256' }).akArea);
  const refused = (area: PublicArea) => facts(readAttestationKey(writePublicArea(area)));

  test('by its scheme says which it has, and which it may have', () => {
    const expected = 'rsassa, rsapss or ecdsa with sha256 or sha384, explicit';
    expect(refused({ ...ecc, scheme: { kind: 'ecdsa', hash: 'sha1' } })).toEqual({
      expected,
      found: 'ecc ecdsa-sha1, name sha256',
    });
    expect(refused({ ...ecc, scheme: { kind: 'null' } })).toEqual({ expected, found: 'ecc null, name sha256' });
  });

  test('by its attributes shows them, in eight digits', () => {
    expect(refused({ ...ecc, attributes: 0x00000072 })).toEqual({ expected: undefined, found: '00000072' });
  });

  test('by its template shows what it is', () => {
    const { akPublic } = labTpm();
    expect(facts(readEndorsementKey(akPublic))).toEqual({
      expected: 'a template of the TCG EK Credential Profile',
      found: expect.stringMatching(/^ecc, name sha256, attributes 000[0-9a-f]{5}$/),
    });
    const sealed = fromHex(`0008000b000000d2000000100020${'00'.repeat(32)}`);
    expect(facts(readEndorsementKey(sealed))).toMatchObject({ found: 'keyedhash, name sha256, attributes 000000d2' });
  });
});
