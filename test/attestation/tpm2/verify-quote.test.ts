import { constants, sign } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import { type Bytes, fromHex } from '#core/bytes.ts';
import { isDenial } from '#attestation/denial.ts';
import type { DenialCode } from '#attestation/result.ts';
import { type AttestationKey, readAttestationKey } from '#attestation/tpm2/attestation-key.ts';
import { type QuoteInput, verifyQuote } from '#attestation/tpm2/verify-quote.ts';
import { Writer } from '#tpm2/writer.ts';
import { labTpm, type LabTpm } from '#test/lab/software-tpm.ts';
import type { LabAkKind } from '#test/lab/tpm-keys.ts';

const PCRS = [0, 1, 2, 3, 4, 5, 6, 7];
const QUALIFYING = fromHex('a5'.repeat(32));

function readAk(tpm: LabTpm): AttestationKey {
  const ak = readAttestationKey(tpm.akPublic);
  if (isDenial(ak)) throw new Error(ak.code);
  return ak;
}

type Change = (good: QuoteInput, tpm: LabTpm) => Partial<QuoteInput>;

function outcome(tpm: LabTpm, change: Change = () => ({})): DenialCode | 'accepted' {
  const good: QuoteInput = {
    ak: readAk(tpm),
    ...tpm.quote({ qualifyingData: QUALIFYING, bank: 'sha256', pcrs: PCRS }),
    qualifyingData: QUALIFYING,
    bank: 'sha256',
    pcrs: PCRS,
    claimedPcrs: { sha256: tpm.readPcrs('sha256', PCRS) },
  };
  const verified = verifyQuote({ ...good, ...change(good, tpm) });
  return isDenial(verified) ? verified.code : 'accepted';
}

const quoteOf =
  (options: Partial<Parameters<LabTpm['quote']>[0]>): Change =>
  (_, tpm) =>
    tpm.quote({ qualifyingData: QUALIFYING, bank: 'sha256', pcrs: PCRS, ...options });

const ROWS: readonly [string, Change, DenialCode | 'accepted'][] = [
  ['as asked for', () => ({}), 'accepted'],
  ['over other PCRs', quoteOf({ pcrs: [0, 1, 2, 3, 4, 5, 6, 16] }), 'pcr-selection-mismatch'],
  ['over fewer PCRs', quoteOf({ pcrs: [0] }), 'pcr-selection-mismatch'],
  ['over the SHA-384 bank', quoteOf({ bank: 'sha384' }), 'pcr-selection-mismatch'],
  [
    'with a wider bitmap',
    quoteOf({ edit: (f) => ({ ...f, pcrSelect: [{ hash: 'sha256', sizeofSelect: 4, pcrs: PCRS }] }) }),
    'pcr-selection-mismatch',
  ],
  ['with another nonce', quoteOf({ qualifyingData: fromHex('5a'.repeat(32)) }), 'nonce-mismatch'],
  ['without a nonce', quoteOf({ qualifyingData: new Uint8Array() }), 'nonce-mismatch'],
  [
    'with a byte after the nonce',
    quoteOf({ qualifyingData: Buffer.concat([QUALIFYING, Buffer.of(0)]) }),
    'nonce-mismatch',
  ],
  [
    'with another digest',
    quoteOf({ edit: (f) => ({ ...f, pcrDigest: fromHex('00'.repeat(32)) }) }),
    'pcr-composite-mismatch',
  ],
  ['with another magic', quoteOf({ edit: (f) => ({ ...f, magic: 0xff544346 }) }), 'quote-magic-wrong'],
  ['of another type', quoteOf({ edit: (f) => ({ ...f, type: 0x8017 }) }), 'quote-type-wrong'],
  ['signed by another key', quoteOf({ signer: labTpm().akPrivateKey }), 'quote-signature-invalid'],
  ['signed with SHA-1', quoteOf({ scheme: { kind: 'ecdsa', hash: 'sha1' } }), 'quote-signature-scheme-refused'],
  ['changed after signing', ({ quoted }) => ({ quoted: flipLast(quoted) }), 'quote-signature-invalid'],
];

describe('verifying a quote', () => {
  test.each<LabAkKind>(['p256', 'p384', 'rsassa', 'rsapss'])('accepts one by an AK of kind %s', (ak) => {
    expect(outcome(labTpm({ ak }))).toBe('accepted');
  });

  const tpm = labTpm();
  test.each(ROWS)('%s', (_, change, expected) => {
    expect(outcome(tpm, change)).toBe(expected);
  });

  test('returns the PCRs, the counters and the signer', () => {
    const machine = labTpm();
    machine.extend(4, fromHex('01'));
    const quote = machine.quote({ qualifyingData: QUALIFYING, bank: 'sha384', pcrs: [4, 0] });
    const claimedPcrs = { sha384: machine.readPcrs('sha384', [0, 4]) };
    const verified = verifyQuote({
      ak: readAk(machine),
      ...quote,
      qualifyingData: QUALIFYING,
      bank: 'sha384',
      pcrs: [4, 0],
      claimedPcrs,
    });
    expect(verified).toMatchObject({
      bootEpoch: { resetCount: 7, restartCount: 0, clockMs: 1_000_000n },
      clockSafe: true,
      firmwareVersion: 0x0001_0002_0003_0004n,
    });
    expect('pcrs' in verified ? Object.fromEntries(verified.pcrs) : verified).toEqual(
      machine.readPcrs('sha384', [0, 4]),
    );
  });

  test('takes a PSS salt as long as the digest or as long as fits, and no other', () => {
    const pss = labTpm({ ak: 'rsapss' });
    const withSalt =
      (saltLength: number): Change =>
      ({ quoted }) => ({ signature: pssSignature(pss, quoted, saltLength) });
    expect(outcome(pss, withSalt(32))).toBe('accepted');
    expect(outcome(pss, withSalt(256 - 32 - 2))).toBe('accepted');
    expect(outcome(pss, withSalt(0))).toBe('quote-signature-invalid');
    expect(outcome(pss, withSalt(20))).toBe('quote-signature-invalid');
  });
});

const PCR_ROWS: readonly [string, QuoteInput['claimedPcrs'], DenialCode | 'accepted'][] = (() => {
  const zeros = (bytes: number) => '00'.repeat(bytes);
  const good = Object.fromEntries(PCRS.map((pcr) => [String(pcr), zeros(32)]));
  const { 7: _, ...missing } = good;
  return [
    ['one for each PCR', { sha256: good }, 'accepted'],
    ['one changed', { sha256: { ...good, 7: 'ff'.repeat(32) } }, 'pcr-composite-mismatch'],
    ['one missing', { sha256: missing }, 'pcr-values-malformed'],
    ['one too many', { sha256: { ...good, 8: zeros(32) } }, 'pcr-values-malformed'],
    ['one under another index', { sha256: { ...missing, 8: zeros(32) } }, 'pcr-values-malformed'],
    ['a byte moved to the next', { sha256: { ...good, 0: zeros(31), 1: zeros(33) } }, 'pcr-values-malformed'],
    ['of a second bank too', { sha256: good, sha384: {} }, 'pcr-values-malformed'],
    ['of another bank', { sha384: good }, 'pcr-values-malformed'],
    ['none', {}, 'pcr-values-malformed'],
  ];
})();

describe('the PCR values beside a quote', () => {
  const tpm = labTpm();
  test.each(PCR_ROWS)('%s', (_, claimedPcrs, expected) => {
    expect(outcome(tpm, () => ({ claimedPcrs }))).toBe(expected);
  });
});

function pssSignature(tpm: LabTpm, quoted: Bytes, saltLength: number): Bytes {
  const key = { key: tpm.akPrivateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
  return new Writer()
    .u16(0x0016)
    .u16(0x000b)
    .sized(sign('sha256', quoted, key))
    .finish();
}

function flipLast(bytes: Bytes): Bytes {
  const changed = Buffer.from(bytes);
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
  return changed;
}
