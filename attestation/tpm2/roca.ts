import { type Bytes, toHex } from '#core/bytes.ts';

/**
 * Primes that divide the constant of the flawed generator for every RSA key of 1984 bits and more: the first 126 of them
 * (Nemec et al., "The Return of Coppersmith's Attack", CCS 2017). 2 tells nothing.
 */
const LARGEST_PRIME = 701;

interface Fingerprint {
  readonly prime: number;
  /** By residue: true for the powers of 65537. */
  readonly isPower: readonly boolean[];
}

const FINGERPRINTS: readonly Fingerprint[] = oddPrimesUpTo(LARGEST_PRIME).map((prime) => ({
  prime,
  isPower: powersOf65537(prime),
}));

/**
 * True when an RSA modulus has the shape that Infineon's key generator gave it (CVE-2017-15361, ROCA), and so can be factored.
 * A sound modulus of 2048 bits or more has that shape with a probability below 2^-160.
 */
export function isRocaModulus(modulus: Bytes): boolean {
  const n = BigInt(`0x${toHex(modulus)}`);
  return FINGERPRINTS.every(({ prime, isPower }) => isPower[Number(n % BigInt(prime))] === true);
}

function powersOf65537(prime: number): readonly boolean[] {
  const isPower = Array.from({ length: prime }, () => false);
  for (let power = 1; isPower[power] !== true; power = (power * 65_537) % prime) isPower[power] = true;
  return isPower;
}

function oddPrimesUpTo(limit: number): readonly number[] {
  const primes: number[] = [];
  for (let candidate = 3; candidate <= limit; candidate += 2) {
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  }
  return primes;
}
