import { describe, expect, test } from 'vitest';

import { fromHex, toHex } from '#core/bytes.ts';
import { vectorJson } from '#test/lab/vectors.ts';
import { hashNameOf } from '#tpm2/constants.ts';
import { kdfA, kdfE } from '#tpm2/kdf.ts';

interface KdfVector {
  readonly Name: string;
  readonly HashAlg: number;
  readonly Key?: string;
  readonly Z?: string;
  readonly Label: string;
  readonly ContextU: string;
  readonly ContextV: string;
  readonly Bits: number;
  readonly Result: string;
}

const input = (vector: KdfVector) => ({
  hash: hashNameOf(vector.HashAlg) ?? 'sha1',
  label: vector.Label,
  contextU: fromHex(vector.ContextU),
  contextV: fromHex(vector.ContextV),
  bits: vector.Bits,
});

describe('key derivation', () => {
  const a = vectorJson<KdfVector[]>('google-go-tpm/kdfa.json');
  const e = vectorJson<KdfVector[]>('google-go-tpm/kdfe.json');

  test.each(a)('KDFa gives go-tpm vector $Name', (vector) => {
    expect(toHex(kdfA({ ...input(vector), key: fromHex(vector.Key ?? '') }))).toBe(vector.Result);
  });

  test.each(e)('KDFe gives go-tpm vector $Name', (vector) => {
    expect(toHex(kdfE({ ...input(vector), z: fromHex(vector.Z ?? '') }))).toBe(vector.Result);
  });

  test('has a hundred vectors for each', () => {
    expect([a.length, e.length]).toEqual([100, 100]);
  });
});
