import { expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import { integer, nullValue, oid, sequence, tagged } from '#pki/x509/der-writer.ts';
import { DIGEST_OID, KEY_ALGORITHM, MGF1 } from '#pki/x509/oids.ts';
import { parsePssParameters } from '#pki/x509/signature-scheme.ts';

import { outcome } from './outcome.ts';

const hash = (...parameters: readonly Bytes[]) => sequence(oid(DIGEST_OID.sha256), ...parameters);
const HASH = hash(nullValue());
const MASK = sequence(oid(MGF1), HASH);
const read = (parameters: Bytes | undefined) =>
  parsePssParameters({ oid: KEY_ALGORITHM.rsassaPss, parameters, raw: new Uint8Array() } as never);

test.each([
  ['all', sequence(tagged(0, HASH), tagged(1, MASK), tagged(2, integer(32))), 32],
  ['no salt length, which is that of SHA-1', sequence(tagged(0, HASH), tagged(1, MASK)), 20],
  ['a digest without parameters', sequence(tagged(0, hash()), tagged(1, MASK), tagged(2, integer(20))), 20],
])('PSS parameters with %s', (_what, parameters, saltLength) => {
  expect(read(parameters)).toEqual({ hash: 'sha256', saltLength });
});

test.each([
  ['none', undefined],
  ['something after them', Buffer.concat([sequence(tagged(0, HASH), tagged(1, MASK)), nullValue()])],
  ['something after the digest', sequence(tagged(0, HASH, nullValue()), tagged(1, MASK))],
  ['something in the digest', sequence(tagged(0, hash(nullValue(), nullValue())), tagged(1, MASK))],
  ['other parameters of the digest', sequence(tagged(0, hash(integer(1))), tagged(1, MASK))],
  ['another digest', sequence(tagged(0, sequence(oid('1.2.3'), nullValue())), tagged(1, MASK))],
  ['something after the mask’s digest', sequence(tagged(0, HASH), tagged(1, sequence(oid(MGF1), HASH, nullValue())))],
  ['another mask', sequence(tagged(0, HASH), tagged(1, sequence(oid('1.2.3'), HASH)))],
  [
    'another digest in the mask',
    sequence(tagged(0, HASH), tagged(1, sequence(oid(MGF1), sequence(oid(DIGEST_OID.sha384), nullValue())))),
  ],
  ['something after the salt length', sequence(tagged(0, HASH), tagged(1, MASK), tagged(2, integer(32), nullValue()))],
  ['a trailer', sequence(tagged(0, HASH), tagged(1, MASK), tagged(2, integer(32)), tagged(3, integer(1)))],
])('PSS parameters with %s are refused', (_what, parameters) => {
  expect(outcome(() => read(parameters))).not.toBe('accepted');
});
