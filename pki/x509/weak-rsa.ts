import type { Bytes } from '#core/bytes.ts';
import { toHex } from '#core/bytes.ts';

/** Why an RSA modulus gives its private key away. */
export type WeakRsaCode = 'rsa-small-factor' | 'rsa-roca' | 'rsa-close-primes';

const SMALL_PRIME_LIMIT = 752;
/** CVE-2017-15361's fingerprint uses the primes up to here: the ones that divide the smallest key size's generator product. */
const ROCA_PRIME_LIMIT = 167;
const F4 = 65537;
/** Rounds of Fermat's method: finds primes whose upper halves are equal. */
const FERMAT_ROUNDS = 100;

/** A few primes, and their product: one division of the modulus by it, and the rest is arithmetic on small numbers. */
interface PrimeGroup {
  /** Below 2^32. */
  readonly product: bigint;
  readonly members: readonly {
    readonly prime: number;
    /** Indexed by residue: whether it is a power of 65537, as it is for every prime of ROCA's. Undefined beyond those. */
    readonly rocaResidues: readonly boolean[] | undefined;
  }[];
}

const PRIME_GROUPS: readonly PrimeGroup[] = groupsOf(primesBelow(SMALL_PRIME_LIMIT));

/**
 * Why the modulus (big-endian) is weak: a prime factor under 752, the form of CVE-2017-15361 (ROCA), or two primes so close that Fermat's
 * method finds them in 100 rounds (CVE-2022-26320). Undefined when none of these; that is no proof of strength.
 */
export function weakRsa(modulus: Bytes): WeakRsaCode | undefined {
  const n = BigInt(`0x${toHex(modulus) || '0'}`);
  let isRoca = true;
  for (const { product, members } of PRIME_GROUPS) {
    const rest = Number(n % product);
    for (const { prime, rocaResidues } of members) {
      const residue = rest % prime;
      if (residue === 0) return 'rsa-small-factor';
      if (rocaResidues?.[residue] === false) isRoca = false;
    }
  }
  if (isRoca) return 'rsa-roca';
  return hasClosePrimes(n) ? 'rsa-close-primes' : undefined;
}

/** Fermat's method: n = a² − b² for some a not far above its root. Of each a² − n, only those that end as squares do are looked at whole. */
function hasClosePrimes(n: bigint): boolean {
  const root = squareRoot(n);
  const first = root * root < n ? root + 1n : root;
  const sieves = SQUARE_SIEVES.map(({ modulus, isSquare }) => {
    return { modulus, isSquare, n: Number(n % BigInt(modulus)), a: Number(first % BigInt(modulus)) };
  });
  for (let round = 0; round < FERMAT_ROUNDS; round += 1) {
    const maySquare = sieves.every(({ modulus, isSquare, n: rest, a }) => {
      const residue = (a + round) % modulus;
      return isSquare[(residue * residue + modulus - rest) % modulus];
    });
    if (!maySquare) continue;
    const a = first + BigInt(round);
    const difference = a * a - n;
    if (squareRoot(difference) ** 2n === difference) return true;
  }
  return false;
}

/** Coprime moduli with few squares among their residues: of numbers that are no squares, one in a thousand passes all. */
const SQUARE_SIEVES = [64, 63, 65, 11, 17, 19, 23].map((modulus) => {
  const squares = new Set(Array.from({ length: modulus }, (_, i) => (i * i) % modulus));
  return { modulus, isSquare: Array.from({ length: modulus }, (_, i) => squares.has(i)) };
});

/** The whole part of the square root: from just above it, as the leading 52 bits tell, down by Newton's method. */
function squareRoot(value: bigint): bigint {
  if (value < 2n) return value;
  const bits = value.toString(16).length * 4;
  const dropped = BigInt(Math.max(0, bits - 52));
  let x = BigInt(Math.floor(Math.sqrt(Number(value >> dropped))) + 1) << (dropped / 2n);
  for (;;) {
    const next = (x + value / x) >> 1n;
    if (next >= x) return x;
    x = next;
  }
}

function groupsOf(primes: readonly number[]): readonly PrimeGroup[] {
  const groups: { product: bigint; members: PrimeGroup['members'][number][] }[] = [];
  for (const prime of primes) {
    const member = { prime, rocaResidues: rocaResiduesOf(prime) };
    const last = groups.at(-1);
    if (last !== undefined && last.product * BigInt(prime) < 2n ** 32n) {
      last.product *= BigInt(prime);
      last.members.push(member);
    } else {
      groups.push({ product: BigInt(prime), members: [member] });
    }
  }
  return groups;
}

function rocaResiduesOf(prime: number): readonly boolean[] | undefined {
  if (prime === 2 || prime > ROCA_PRIME_LIMIT) return undefined;
  const powers = new Set<number>();
  for (let power = 1; !powers.has(power); power = (power * F4) % prime) powers.add(power);
  return Array.from({ length: prime }, (_, residue) => powers.has(residue));
}

function primesBelow(limit: number): readonly number[] {
  const primes: number[] = [];
  for (let n = 2; n < limit; n += 1) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return primes;
}
