import { describe, expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import { assertSigned } from '#pki/sign-certificate.ts';
import { SIGNATURE_ALGORITHM } from '#pki/x509/algorithm-writer.ts';
import { buildSigned } from '#pki/x509/certificate-writer.ts';
import { bitString, integer, sequence } from '#pki/x509/der-writer.ts';

const tbs = sequence(integer(1));
const signature = sequence(integer(2), integer(3));
const { ecdsaSha256, ecdsaSha384 } = SIGNATURE_ALGORITHM;
const good = buildSigned(tbs, ecdsaSha256, signature);

describe('assertSigned', () => {
  test('passes the structure that was built', () => {
    expect(() => assertSigned(good, tbs, signature)).not.toThrow();
  });

  test.for<[string, Bytes, RegExp]>([
    ['another to-be-signed part', buildSigned(sequence(integer(9)), ecdsaSha256, signature), /not what was prepared/],
    ['another algorithm', buildSigned(tbs, ecdsaSha384, signature), /not what was prepared/],
    ['another signature', buildSigned(tbs, ecdsaSha256, sequence(integer(2), integer(4))), /not what was prepared/],
    ['a byte behind it', Buffer.concat([good, Buffer.of(0)]), /trailing-bytes/],
    ['an element more in it', sequence(tbs, ecdsaSha256, bitString(signature), integer(0)), /trailing-bytes/],
  ])('does not pass %s', ([, der, message]) => {
    expect(() => assertSigned(der, tbs, signature)).toThrow(message);
  });
});
