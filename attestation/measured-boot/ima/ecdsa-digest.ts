import { createECDH } from 'node:crypto';

import { type Bytes, concatBytes, fromHex, toHex } from '#core/bytes.ts';

/** A short Weierstrass curve with cofactor 1: its name in OpenSSL, and the numbers that one point addition takes. */
export interface Curve {
  readonly openSsl: string;
  /** The field, the coefficient of x, and the order of the generator. */
  readonly p: bigint;
  readonly a: bigint;
  readonly n: bigint;
  /** Bytes in a coordinate. */
  readonly size: number;
}

export interface Point {
  readonly x: bigint;
  readonly y: bigint;
}

/** A signature's two numbers, as they came. */
export interface EcdsaSignature {
  readonly r: bigint;
  readonly s: bigint;
}

/**
 * True if `signature` is the ECDSA signature by the key Q over a message with this `digest` (FIPS 186-5 §6.4.2), which node:crypto only
 * verifies over the message itself. With t = z/r and u = r/s the point of the equation is u·(t·G + Q): OpenSSL multiplies, and one addition is
 * done here. Everything in it is public.
 */
export function verifyEcdsaDigest(curve: Curve, key: Point, digest: Bytes, { r, s }: EcdsaSignature): boolean {
  const { n } = curve;
  if (r <= 0n || r >= n || s <= 0n || s >= n) return false;
  const z = leftmostBits(digest, n);
  const t = mod(z * inverse(r, n), n);
  const sum = t === 0n ? key : add(curve, multiplyGenerator(curve, t), key);
  if (sum === undefined) return false;
  const u = mod(r * inverse(s, n), n);
  const ecdh = createECDH(curve.openSsl);
  ecdh.setPrivateKey(encode(u, orderSize(curve)));
  const x = decode(ecdh.computeSecret(encodePoint(curve, sum)));
  return mod(x, n) === r;
}

/** As many of the digest's first bits as the order has. */
function leftmostBits(digest: Bytes, n: bigint): bigint {
  const excess = digest.byteLength * 8 - n.toString(2).length;
  const value = decode(digest);
  return excess > 0 ? value >> BigInt(excess) : value;
}

function multiplyGenerator(curve: Curve, scalar: bigint): Point {
  const ecdh = createECDH(curve.openSsl);
  ecdh.setPrivateKey(encode(scalar, orderSize(curve)));
  const point = ecdh.getPublicKey();
  return { x: decode(point.subarray(1, 1 + curve.size)), y: decode(point.subarray(1 + curve.size)) };
}

/** The sum of two points; undefined for the point at infinity. */
function add({ p, a }: Curve, left: Point, right: Point): Point | undefined {
  const isDouble = left.x === right.x;
  if (isDouble && mod(left.y + right.y, p) === 0n) return undefined;
  const slope = isDouble
    ? mod((3n * left.x * left.x + a) * inverse(mod(2n * left.y, p), p), p)
    : mod((right.y - left.y) * inverse(mod(right.x - left.x, p), p), p);
  const x = mod(slope * slope - left.x - right.x, p);
  return { x, y: mod(slope * (left.x - x) - left.y, p) };
}

function mod(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

/** The inverse of a number that is prime to the modulus, by the extended Euclidean algorithm. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [before, now] = [modulus, mod(value, modulus)];
  let [factorBefore, factor] = [0n, 1n];
  while (now !== 0n) {
    const quotient = before / now;
    [before, now] = [now, before - quotient * now];
    [factorBefore, factor] = [factor, factorBefore - quotient * factor];
  }
  return mod(factorBefore, modulus);
}

const orderSize = ({ n }: Curve): number => Math.ceil(n.toString(2).length / 8);

const decode = (bytes: Bytes): bigint => BigInt(`0x${toHex(bytes) || '0'}`);

const encode = (value: bigint, size: number): Bytes => fromHex(value.toString(16).padStart(size * 2, '0'));

const encodePoint = ({ size }: Curve, { x, y }: Point): Bytes =>
  concatBytes(Buffer.of(4), encode(x, size), encode(y, size));
