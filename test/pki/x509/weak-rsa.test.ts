import { generateKeyPairSync } from 'node:crypto';

import { expect, test } from 'vitest';

import { parsePublicKey } from '#pki/x509/public-key.ts';
import { parseSpki } from '#pki/x509/spki.ts';
import { weakRsa } from '#pki/x509/weak-rsa.ts';

const bytesOf = (n: bigint): Buffer => {
  const text = n.toString(16);
  return Buffer.from(text.length % 2 === 0 ? text : `0${text}`, 'hex');
};

/** Where the factors of the test moduli are looked for. They are not prime, only free of small factors: nothing here depends on more. */
const P = (1n << 1023n) + (1n << 1022n);

function oddFrom(start: bigint, isGood: (n: bigint) => boolean): bigint {
  let n = start | 1n;
  while (!isGood(n)) n += 2n;
  return n;
}

const SMALL = Array.from({ length: 750 }, (_, i) => BigInt(i + 2)).filter((n) =>
  Array.from({ length: 28 }, (_, i) => BigInt(i + 2)).every((d) => d >= n || n % d !== 0n),
);
const hasNoSmallFactor = (n: bigint): boolean => SMALL.every((prime) => n % prime !== 0n);

test('a sound key passes', () => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = parsePublicKey(parseSpki(publicKey.export({ type: 'spki', format: 'der' })));
  expect(key.type === 'rsa' && weakRsa(key.modulus)).toBe(undefined);
});

test.each([3n, 251n, 751n])('a modulus with the factor %i is refused', (factor) => {
  const rest = oddFrom(P, hasNoSmallFactor);
  expect(weakRsa(bytesOf(rest * factor))).toBe('rsa-small-factor');
});

test('an even modulus and an empty one are refused', () => {
  expect(weakRsa(bytesOf(1n << 2047n))).toBe('rsa-small-factor');
  expect(weakRsa(Buffer.alloc(0))).toBe('rsa-small-factor');
});

test('a modulus with the form of CVE-2017-15361 is refused', () => {
  const primorial = SMALL.filter((prime) => prime <= 167n).reduce((product, prime) => product * prime, 1n);
  let n = (1n << 2047n) - ((1n << 2047n) % primorial) + 65537n ** 5n;
  while (!hasNoSmallFactor(n)) n += primorial;
  expect(weakRsa(bytesOf(n))).toBe('rsa-roca');
  // The same number one step off has no such form.
  const other = oddFrom(n + 2n, hasNoSmallFactor);
  expect(weakRsa(bytesOf(other))).not.toBe('rsa-roca');
});

test.each([0n, 2n, 1n << 100n, 1n << 500n])('two factors %i apart are refused', (distance) => {
  const p = oddFrom(P, hasNoSmallFactor);
  const q = oddFrom(p + distance, hasNoSmallFactor);
  expect(weakRsa(bytesOf(p * q))).toBe('rsa-close-primes');
});

test('two factors far apart are not taken for close ones', () => {
  const p = oddFrom(P, hasNoSmallFactor);
  const q = oddFrom(p + (1n << 900n), hasNoSmallFactor);
  expect(weakRsa(bytesOf(p * q))).toBe(undefined);
});
