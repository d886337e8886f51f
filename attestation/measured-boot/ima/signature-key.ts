import { constants, createPublicKey, type KeyObject, publicDecrypt } from 'node:crypto';

import { type Bytes, concatBytes, equalBytes, fromBase64Url, fromHex, toHex } from '#core/bytes.ts';
import { digest, type HashName } from '#core/digest.ts';
import { DerReader } from '#pki/x509/der-reader.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import { parsePemOf } from '#pki/x509/pem.ts';

import { CURVES } from './curves.ts';
import { type Curve, type EcdsaSignature, type Point, verifyEcdsaDigest } from './ecdsa-digest.ts';

/** A public key that signs files. */
export interface SignatureKey {
  /** Last four bytes of the key's SHA-1 identifier (RFC 5280 §4.2.1.2, method 1), lower-case hex: how imasig names keys. */
  readonly keyId: string;
  /** True if `signature` is this key's over a file with this digest. Malformed signatures are false. */
  readonly verifies: (hash: HashName, fileDigest: Bytes, signature: Bytes) => boolean;
}

const MIN_RSA_BITS = 2_048;

/** The key in `pem` (SubjectPublicKeyInfo), an RSA key of 2048 bits or more or an EC key; undefined if it is anything else. */
export function signatureKey(pem: string): SignatureKey | undefined {
  const key = importKey(pem);
  if (key === undefined) return undefined;
  const { asymmetricKeyType, asymmetricKeyDetails } = key;
  const keyId = keyIdOf(key);
  if (asymmetricKeyType === 'rsa') {
    const bits = asymmetricKeyDetails?.modulusLength ?? 0;
    if (bits < MIN_RSA_BITS) return undefined;
    return {
      keyId,
      verifies: (hash, value, signature) => verifyRsa({ key, size: Math.ceil(bits / 8) }, hash, value, signature),
    };
  }
  const ec = asymmetricKeyType === 'ec' ? ecKey(key) : undefined;
  if (ec === undefined) return undefined;
  return { keyId, verifies: (_hash, value, signature) => verifyEcdsa(ec, value, signature) };
}

function importKey(pem: string): KeyObject | undefined {
  try {
    const [der] = parsePemOf('PUBLIC KEY', pem, 1);
    return der === undefined ? undefined : createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' });
  } catch {
    // Not PEM of one public key, or none that OpenSSL knows.
    return undefined;
  }
}

function keyIdOf(key: KeyObject): string {
  const spki = new DerReader(key.export({ type: 'spki', format: 'der' }), 'SubjectPublicKeyInfo').sequence();
  spki.element();
  return toHex(digest('sha1', spki.bitString().bytes).subarray(-4));
}

/** DER of DigestInfo up to the digest (RFC 8017 §9.2). SHA-1 is not here: nobody should rely on its signatures. */
const DIGEST_INFO: ReadonlyMap<HashName, Bytes> = new Map([
  ['sha256', fromHex('3031300d060960864801650304020105000420')],
  ['sha384', fromHex('3041300d060960864801650304020205000430')],
  ['sha512', fromHex('3051300d060960864801650304020305000440')],
]);

/** RSASSA-PKCS1-v1_5 over a digest: the whole encoded message is compared, so that there is no parsing to be lenient. */
function verifyRsa(
  { key, size }: { readonly key: KeyObject; readonly size: number },
  hash: HashName,
  fileDigest: Bytes,
  signature: Bytes,
): boolean {
  const info = DIGEST_INFO.get(hash);
  if (info === undefined || signature.byteLength !== size) return false;
  const tail = concatBytes(Buffer.of(0), info, fileDigest);
  const padding = Buffer.alloc(size - 2 - tail.byteLength, 0xff);
  const expected = concatBytes(Buffer.of(0, 1), padding, tail);
  try {
    return equalBytes(publicDecrypt({ key, padding: constants.RSA_NO_PADDING }, signature), expected);
  } catch {
    // A number beyond the modulus, which is no signature.
    return false;
  }
}

interface EcKey {
  readonly curve: Curve;
  readonly point: Point;
}

function ecKey(key: KeyObject): EcKey | undefined {
  const { namedCurve } = key.asymmetricKeyDetails ?? {};
  const curve = [...CURVES.values()].find(({ openSsl }) => openSsl === namedCurve);
  if (curve === undefined) return undefined;
  // Not before: the export throws for curves that JOSE has no name for.
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  const number = (text: string): bigint => BigInt(`0x${toHex(fromBase64Url(text))}`);
  return { curve, point: { x: number(x), y: number(y) } };
}

function verifyEcdsa({ curve, point }: EcKey, fileDigest: Bytes, signature: Bytes): boolean {
  const numbers = parseEcdsaSignature(signature);
  return numbers !== undefined && verifyEcdsaDigest(curve, point, fileDigest, numbers);
}

function parseEcdsaSignature(signature: Bytes): EcdsaSignature | undefined {
  try {
    const outer = new DerReader(signature, 'Ecdsa-Sig-Value');
    const inner = outer.sequence();
    const [r, s] = [inner.unsignedInteger(), inner.unsignedInteger()].map((value) => BigInt(`0x${toHex(value)}`));
    inner.end();
    outer.end();
    return r === undefined || s === undefined ? undefined : { r, s };
  } catch (error) {
    if (error instanceof X509FormatError) return undefined;
    throw error;
  }
}
