import type { Bytes } from '#core/bytes.ts';
import { toHex } from '#core/bytes.ts';

/** Why an RSA modulus gives its private key away. */
export type WeakRsaCode = 'rsa-small-factor' | 'rsa-roca' | 'rsa-close-primes';

const SMALL_PRIME_LIMIT = 752;
/** CVE-2017-15361's fingerprint uses the primes up to here: the ones that divide the smallest key size's generator product. */
const ROCA_PRIME_LIMIT = 167;
const F4 = 65537n;
/** Rounds of Fermat's method: finds primes whose upper halves are equal, and costs a fraction of a millisecond. */
const FERMAT_ROUNDS = 100;

const SMALL_PRIMES: readonly bigint[] = primesBelow(SMALL_PRIME_LIMIT);
const PRODUCT_OF_SMALL_PRIMES = SMALL_PRIMES.reduce((product, prime) => product * prime, 1n);
const ROCA_SUBGROUPS: readonly { readonly prime: bigint; readonly members: ReadonlySet<bigint> }[] =
  SMALL_PRIMES.filter((prime) => prime > 2n && prime <= BigInt(ROCA_PRIME_LIMIT)).map((prime) => ({
    prime,
    members: powersModulo(F4, prime),
  }));

/**
 * Why the modulus (big-endian) is weak: a prime factor under 752, the form of CVE-2017-15361 (ROCA), or two primes so close that Fermat's
 * method finds them in 100 rounds (CVE-2022-26320). Undefined when none of these; that is no proof of strength.
 */
export function weakRsa(modulus: Bytes): WeakRsaCode | undefined {
  const n = BigInt(`0x${toHex(modulus) || '0'}`);
  if (greatestCommonDivisor(n, PRODUCT_OF_SMALL_PRIMES) !== 1n) return 'rsa-small-factor';
  if (ROCA_SUBGROUPS.every(({ prime, members }) => members.has(n % prime))) return 'rsa-roca';
  return hasClosePrimes(n) ? 'rsa-close-primes' : undefined;
}

function hasClosePrimes(n: bigint): boolean {
  let a = squareRoot(n);
  if (a * a < n) a += 1n;
  let difference = a * a - n;
  for (let round = 0; round < FERMAT_ROUNDS; round += 1) {
    if (isSquare(difference)) return true;
    difference += 2n * a + 1n;
    a += 1n;
  }
  return false;
}

function isSquare(value: bigint): boolean {
  // Squares end in one of few residues; this turns away most of the others without a root.
  const low = Number(value & 63n);
  if (!SQUARES_MODULO_64.has(low)) return false;
  if (!SQUARES_MODULO_4095.has(Number(value % 4095n))) return false;
  const root = squareRoot(value);
  return root * root === value;
}

const SQUARES_MODULO_64 = squaresModulo(64);
const SQUARES_MODULO_4095 = squaresModulo(4095);

function squaresModulo(modulus: number): ReadonlySet<number> {
  return new Set(Array.from({ length: modulus }, (_, i) => (i * i) % modulus));
}

/** The whole part of the square root, by Newton's method. */
function squareRoot(value: bigint): bigint {
  if (value < 2n) return value;
  let x = 1n << BigInt((value.toString(16).length * 4 + 1) >> 1);
  for (;;) {
    const next = (x + value / x) >> 1n;
    if (next >= x) return x;
    x = next;
  }
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  while (b !== 0n) [a, b] = [b, a % b];
  return a;
}

function primesBelow(limit: number): readonly bigint[] {
  const primes: number[] = [];
  for (let n = 2; n < limit; n += 1) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return primes.map(BigInt);
}

function powersModulo(base: bigint, modulus: bigint): ReadonlySet<bigint> {
  const powers = new Set<bigint>();
  for (let power = 1n; !powers.has(power); power = (power * base) % modulus) powers.add(power);
  return powers;
}
