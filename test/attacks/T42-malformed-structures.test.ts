import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { type Bytes, concatBytes } from '#core/bytes.ts';
import { systemRandom } from '#core/random.ts';
import { buildActivation } from '#attestation/tpm2/activation.ts';
import { verifyEvidence } from '#attestation/verify-evidence.ts';
import { parseAttest } from '#tpm2/attest.ts';
import { Writer } from '#tpm2/writer.ts';
import { verdict } from '#test/lab/tpm-appraisal.ts';
import { labJoin, labNode } from '#test/lab/tpm-evidence.ts';
import { FUZZ_RUNS } from '#test/lab/fuzz-runs.ts';

const node = labNode();
const join = labJoin(node);

/** The join with one of its byte strings replaced. */
const withBytes = {
  quoted: (bytes: Bytes) => ({ ...join, evidence: { ...join.evidence, quoted: bytes } }),
  signature: (bytes: Bytes) => ({ ...join, evidence: { ...join.evidence, signature: bytes } }),
  ekPublic: (bytes: Bytes) => ({ ...join, challenge: { ...join.challenge, ekPublic: bytes } }),
  akPublic: (bytes: Bytes) => ({ ...join, challenge: { ...join.challenge, akPublic: bytes } }),
  ekCertificate: (bytes: Bytes) => ({ ...join, challenge: { ...join.challenge, ekCertificates: [bytes] } }),
};
const original: Record<keyof typeof withBytes, Bytes> = {
  quoted: join.evidence.quoted,
  signature: join.evidence.signature,
  ekPublic: join.challenge.ekPublic,
  akPublic: join.challenge.akPublic,
  ekCertificate: join.challenge.ekCertificates[0] ?? new Uint8Array(),
};
const FIELDS = ['quoted', 'signature', 'ekPublic', 'akPublic', 'ekCertificate'] as const;

describe('T42 structures with sizes that lie', () => {
  test('the structures as they are, are accepted', () => {
    expect(verdict(join)).toBe('accepted');
    for (const field of FIELDS) expect(verdict(withBytes[field](original[field]))).toBe('accepted');
  });

  const MALFORMED: readonly ((bytes: Bytes) => Bytes)[] = [
    () => new Uint8Array(),
    (bytes) => bytes.subarray(0, -1),
    (bytes) => new Uint8Array(bytes.byteLength),
  ];
  test.each(['signature', 'ekPublic', 'akPublic', 'ekCertificate'] as const)(
    '%s, empty, cut short, of zeros or with a byte after it, is malformed',
    (field) => {
      for (const change of MALFORMED) {
        expect(verdict(withBytes[field](change(original[field])))).toBe('evidence-malformed');
      }
      // An EK certificate may be followed by fill.
      const tail = field === 'ekCertificate' ? Buffer.of(1) : Buffer.of(0);
      expect(verdict(withBytes[field](concatBytes(original[field], tail)))).toBe('evidence-malformed');
    },
  );

  const head = join.evidence.quoted.subarray(0, 6);
  const attest = parseAttest(join.evidence.quoted);
  const counted = (count: number) =>
    new Writer()
      .bytes(join.evidence.quoted.subarray(0, 6 + 36 + 34 + 17 + 8))
      .u32(count)
      .finish();
  test.each([
    ['a size of 65535', concatBytes(head, Buffer.of(0xff, 0xff))],
    ['a size over what remains', concatBytes(head, Buffer.of(0, 34), attest.qualifiedSigner.subarray(1))],
    ['2^32-1 selections', counted(0xffffffff)],
    ['17 selections', counted(17)],
    ['a kilobyte too many', concatBytes(join.evidence.quoted, new Uint8Array(1024))],
  ])('a quote with %s, signed, is malformed and nothing else', (_, quoted) => {
    const signed = node.tpm.sign(quoted);
    const started = performance.now();
    expect(verdict({ ...join, evidence: { ...join.evidence, quoted, signature: signed } })).toBe('evidence-malformed');
    expect(performance.now() - started).toBeLessThan(50);
  });

  test.each([
    ['a modulus of 65535 bytes', Buffer.from('0001000b000300b2ffff', 'hex')],
    ['a policy of 65 bytes', Buffer.from('0001000b000300b20041', 'hex')],
    ['a policy longer than the structure', Buffer.from('0023000b000300b2004000', 'hex')],
  ])('a public area with %s makes no credential', (_, bytes) => {
    for (const keys of [
      { ekPublic: bytes, akPublic: original.akPublic },
      { ekPublic: original.ekPublic, akPublic: bytes },
    ]) {
      expect(buildActivation({ ...keys, random: systemRandom })).toMatchObject({
        ok: false,
        denial: { code: 'evidence-malformed' },
      });
    }
  });

  test('any change to any byte is a refusal, never an exception', () => {
    const change = fc.tuple(fc.constantFrom(...FIELDS), fc.nat(), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(change, ([field, at, mask]) => {
        const bytes = Buffer.from(original[field]);
        const index = at % bytes.byteLength;
        bytes[index] = (bytes[index] ?? 0) ^ mask;
        expect(verifyEvidence(withBytes[field](bytes)).ok).toBe(false);
      }),
      { numRuns: FUZZ_RUNS },
    );
  });

  test('any bytes at all are a refusal, never an exception', () => {
    fc.assert(
      fc.property(fc.constantFrom(...FIELDS), fc.uint8Array({ maxLength: 1_200 }), (field, bytes) => {
        expect(verifyEvidence(withBytes[field](bytes)).ok).toBe(false);
      }),
      { numRuns: FUZZ_RUNS },
    );
  });
});
