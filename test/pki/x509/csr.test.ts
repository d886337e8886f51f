import {
  checkPrimeSync,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  generatePrimeSync,
  type KeyObject,
  sign,
} from 'node:crypto';

import { describe, expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import { SIGNATURE_ALGORITHM } from '#pki/x509/algorithm-writer.ts';
import { buildCsr } from '#pki/x509/build-csr.ts';
import { buildSigned } from '#pki/x509/certificate-writer.ts';
import { parseCsr } from '#pki/x509/csr.ts';
import { bitString, integer, nullValue, oid, sequence, setOf, tagged } from '#pki/x509/der-writer.ts';
import { basicConstraints, dnsName, subjectAltName } from '#pki/x509/extension-writer.ts';
import { buildName, EMPTY_NAME } from '#pki/x509/name-writer.ts';
import { ATTRIBUTE } from '#pki/x509/oids.ts';
import { verifyCsr } from '#pki/x509/verify-csr.ts';
import { fixedKey } from '#test/lab/fixed-keys.ts';

import { spkiOf } from './lab.ts';
import { hex, outcome } from './outcome.ts';

const KEY = fixedKey('csr');
const P384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
const rsa = (modulusLength: number, publicExponent = 65537): KeyObject =>
  generateKeyPairSync('rsa', { modulusLength, publicExponent }).privateKey;
const RSA_2048 = rsa(2048);

/** A request with the given parts, signed with SHA-256 unless said otherwise. */
interface Parts {
  readonly key?: KeyObject;
  readonly version?: Bytes;
  readonly subject?: Bytes;
  readonly spki?: Bytes;
  readonly attributes?: Bytes;
  readonly algorithm?: Bytes;
  readonly hash?: string;
  readonly signWith?: KeyObject;
}

function request(parts: Parts = {}): Bytes {
  const key = parts.key ?? KEY;
  const info = sequence(
    parts.version ?? integer(0),
    parts.subject ?? EMPTY_NAME,
    parts.spki ?? spkiOf(key),
    parts.attributes ?? tagged(0),
  );
  const signature = sign(parts.hash ?? 'sha256', info, parts.signWith ?? key);
  return buildSigned(info, parts.algorithm ?? SIGNATURE_ALGORITHM.ecdsaSha256, signature);
}

const EXTENSION_REQUEST = sequence(
  oid('1.2.840.113549.1.9.14'),
  setOf(sequence(basicConstraints('unlimited'), subjectAltName(false, dnsName('kube-apiserver')))),
);

/** An RSA key whose primes follow one another: sound in its size and its exponent, and anybody can factor it. */
function closePrimesKey(): KeyObject {
  const p = generatePrimeSync(1_024, { bigint: true });
  let q = p + 2n;
  while (!checkPrimeSync(q) || (q - 1n) % 65_537n === 0n) q += 2n;
  const d = inverse(65_537n, (p - 1n) * (q - 1n));
  const field = (n: bigint): string => Buffer.from(n.toString(16).padStart(256, '0'), 'hex').toString('base64url');
  const key = {
    kty: 'RSA',
    e: 'AQAB',
    n: field(p * q),
    d: field(d),
    p: field(p),
    q: field(q),
    dp: field(d % (p - 1n)),
    dq: field(d % (q - 1n)),
    qi: field(inverse(q, p)),
  };
  return createPrivateKey({ key, format: 'jwk' });
}

/** `a` times it is 1, modulo `m`. */
function inverse(a: bigint, m: bigint): bigint {
  let [r, next, x, nextX] = [m, a % m, 0n, 1n];
  while (next !== 0n) [r, next, x, nextX] = [next, r % next, nextX, x - (r / next) * nextX];
  return ((x % m) + m) % m;
}

describe('a request we build', () => {
  test.each([
    ['P-256', KEY],
    ['P-384', P384],
    ['RSA', RSA_2048],
  ])('for %s is verified, and yields the key', (_, key) => {
    const csr = parseCsr(buildCsr(key));
    expect(csr.hasAttributes).toBe(false);
    expect(csr.claimedSubject.rdns).toEqual([]);
    expect(verifyCsr(csr)).toEqual({ ok: true, spki: createPublicKey(key).export({ type: 'spki', format: 'der' }) });
  });

  test('carries a common name only when one is given', () => {
    expect(parseCsr(buildCsr(KEY, 'worker-1')).claimedSubject.raw).toEqual(
      buildName([ATTRIBUTE.commonName, 'worker-1']),
    );
  });

  test.each([
    ['a curve we do not sign with', generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey],
    ['a key of another kind', generateKeyPairSync('ed25519').privateKey],
    ['a public key', createPublicKey(KEY)],
  ])('is not made with %s', (_, key) => {
    expect(() => buildCsr(key)).toThrow(RangeError);
  });
});

describe('parsing', () => {
  const good = Buffer.from(request());
  const { requestInfo, signature } = parseCsr(good);
  const algorithm = SIGNATURE_ALGORITHM.ecdsaSha256;

  test.each<[string, Bytes, string]>([
    ['as it should be', good, 'accepted'],
    ['a byte after it', Buffer.concat([good, hex('00')]), 'trailing-bytes'],
    ['two requests glued together', Buffer.concat([good, good]), 'trailing-bytes'],
    ['an outer length in one byte too many', Buffer.concat([hex('3082 00'), good.subarray(2 - 1)]), 'not-canonical'],
    ['an indefinite outer length', Buffer.concat([hex('3080'), good.subarray(3), hex('0000')]), 'indefinite-length'],
    [
      'a set for its content',
      Buffer.from(good).fill(0x31, good.indexOf(requestInfo), good.indexOf(requestInfo) + 1),
      'unexpected-tag',
    ],
    ['another version', request({ version: integer(1) }), 'bad-value'],
    ['a version of two bytes', request({ version: hex('02020000') }), 'not-canonical'],
    [
      'no attributes field',
      buildSigned(sequence(integer(0), EMPTY_NAME, spkiOf(KEY)), algorithm, signature),
      'truncated',
    ],
    ['attributes that are no sequence', request({ attributes: tagged(0, nullValue()) }), 'unexpected-tag'],
    [
      'attributes in another order',
      request({ attributes: tagged(0, sequence(oid('1.2.4'), setOf()), sequence(oid('1.2.3'), setOf())) }),
      'not-canonical',
    ],
    [
      'a field after the attributes',
      request({ attributes: Buffer.concat([tagged(0), nullValue()]) }),
      'trailing-bytes',
    ],
    [
      'a field after the signature',
      sequence(requestInfo, algorithm, bitString(signature), nullValue()),
      'trailing-bytes',
    ],
    ['unused bits in the signature', sequence(requestInfo, algorithm, hex('03020780')), 'bad-value'],
    ['4,097 bytes', Buffer.concat([good, Buffer.alloc(4_097 - good.byteLength)]), 'too-large'],
  ])('with %s', (_, der, expected) => {
    expect(outcome(() => parseCsr(der))).toBe(expected);
  });
});

describe('verification', () => {
  const P521 = generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey;
  const K1 = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey;
  const compressed = sequence(
    spkiOf(KEY).subarray(2, 23),
    bitString(Buffer.concat([hex('02'), spkiOf(KEY).subarray(-64, -32)])),
  );
  const offCurve = Buffer.from(spkiOf(KEY));
  offCurve[offCurve.byteLength - 1] = (offCurve.at(-1) ?? 0) ^ 1;
  const rsaSha256 = SIGNATURE_ALGORITHM.rsaSha256;

  test.each<[string, Bytes, string]>([
    ['a good request', request(), 'ok'],
    ['SHA-384', request({ algorithm: SIGNATURE_ALGORITHM.ecdsaSha384, hash: 'sha384' }), 'ok'],
    ['RSA-2048', request({ key: RSA_2048, algorithm: rsaSha256 }), 'ok'],
    [
      'any subject',
      request({ subject: buildName([ATTRIBUTE.organization, 'system:masters'], [ATTRIBUTE.commonName, 'admin']) }),
      'ok',
    ],
    ['requested extensions, which nobody reads', request({ attributes: tagged(0, EXTENSION_REQUEST) }), 'ok'],
    ['a signature by another key', request({ signWith: fixedKey('other') }), 'signature-invalid'],
    ['a key swapped after signing', swapKey(request(), spkiOf(fixedKey('other'))), 'signature-invalid'],
    ['a digest other than the algorithm says', request({ hash: 'sha384' }), 'signature-invalid'],
    ['SHA-1', request({ algorithm: sequence(oid('1.2.840.10045.4.1')), hash: 'sha1' }), 'signature-algorithm-refused'],
    [
      'SHA-512',
      request({ algorithm: sequence(oid('1.2.840.10045.4.3.4')), hash: 'sha512' }),
      'signature-algorithm-refused',
    ],
    [
      'parameters on ECDSA',
      request({ algorithm: sequence(oid('1.2.840.10045.4.3.2'), nullValue()) }),
      'signature-parameters-invalid',
    ],
    ['an RSA algorithm over an EC key', request({ algorithm: rsaSha256 }), 'key-algorithm-mismatch'],
    ['an EC algorithm over an RSA key', request({ key: RSA_2048 }), 'key-algorithm-mismatch'],
    ['P-521', request({ key: P521 }), 'key-type-refused'],
    ['secp256k1', request({ key: K1 }), 'key-algorithm-mismatch'],
    ['RSA-1024', request({ key: rsa(1024), algorithm: rsaSha256 }), 'key-size-refused'],
    ['RSA with exponent 3', request({ key: rsa(2048, 3), algorithm: rsaSha256 }), 'key-exponent-refused'],
    ['a compressed point', request({ spki: compressed }), 'key-malformed'],
    ['a point off the curve', request({ spki: offCurve }), 'key-malformed'],
    ['a point cut short', request({ spki: recut(spkiOf(KEY)) }), 'key-malformed'],
  ])('of %s', (_, der, expected) => {
    const verdict = verifyCsr(parseCsr(der));
    expect(verdict.ok ? 'ok' : verdict.code).toBe(expected);
  });
});

/** The request with another key in place of its own, everything else as it was. */
function swapKey(der: Bytes, spki: Bytes): Bytes {
  const [all, own, other] = [der, spkiOf(KEY), spki].map((bytes) => Buffer.from(bytes).toString('hex'));
  return Buffer.from((all ?? '').replace(own ?? '', other ?? ''), 'hex');
}

/** An EC key whose point lacks its last byte, all lengths fitting. */
function recut(spki: Bytes): Bytes {
  const algorithm = spki.subarray(2, 2 + 21);
  return sequence(algorithm, bitString(spki.subarray(-65, -1)));
}

test('a request whose RSA key can be factored is not verified, though its holder signed it', () => {
  expect(verifyCsr(parseCsr(buildCsr(closePrimesKey())))).toEqual({ ok: false, code: 'rsa-close-primes' });
});
