import { constants, verify } from 'node:crypto';

import type { Bytes } from '#core/bytes.ts';
import { DIGEST_SIZE } from '#core/digest.ts';
import { ecdsaP1363, parseSignature } from '#tpm2/signature.ts';

import type { Denial } from '../result.ts';
import type { AkScheme, AttestationKey } from './attestation-key.ts';

const INVALID: Denial = { code: 'quote-signature-invalid' };

/**
 * Nothing if `signature` (TPMT_SIGNATURE) is the AK's over exactly `quoted`, made with the AK's own scheme and hash. Another scheme is
 * refused before anything is computed: TPM_ALG_NULL and HMAC are "signatures" that need no key. Throws Tpm2FormatError.
 */
export function checkQuoteSignature(ak: AttestationKey, quoted: Bytes, signature: Bytes): Denial | undefined {
  const parsed = parseSignature(signature);
  if (parsed.scheme !== ak.scheme.kind || parsed.hash !== ak.scheme.hash) {
    const found = 'hash' in parsed ? `${parsed.scheme}-${parsed.hash}` : parsed.scheme;
    return { code: 'quote-signature-scheme-refused', expected: `${ak.scheme.kind}-${ak.scheme.hash}`, found };
  }
  if (parsed.scheme === 'ecdsa' && ak.area.type === 'ecc') {
    const pair = ecdsaP1363(parsed, ak.area.curve);
    return verify(parsed.hash, quoted, { key: ak.key, dsaEncoding: 'ieee-p1363' }, pair) ? undefined : INVALID;
  }
  if ('signature' in parsed && ak.area.type === 'rsa') {
    return verifyRsa(ak, ak.area.keyBits, quoted, parsed.signature) ? undefined : INVALID;
  }
  return INVALID;
}

function verifyRsa({ key, scheme }: AttestationKey, keyBits: number, quoted: Bytes, signature: Bytes): boolean {
  // RFC 8017 §8.1.2 step 1. OpenSSL takes a PSS signature that lost its leading zero byte: a second spelling of the same.
  if (signature.byteLength * 8 !== keyBits) return false;
  if (scheme.kind === 'rsassa') {
    return verify(scheme.hash, quoted, { key, padding: constants.RSA_PKCS1_PADDING }, signature);
  }
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  return saltLengths(scheme, keyBits).some((saltLength) =>
    verify(scheme.hash, quoted, { key, padding, saltLength }, signature),
  );
}

/** A TPM salts with as many bytes as the digest has (FIPS 186) or as fit (TPM 2.0 Part 1, annex B.7); no other length is taken. */
function saltLengths({ hash }: AkScheme, keyBits: number): readonly number[] {
  const digestSize = DIGEST_SIZE[hash];
  return [digestSize, keyBits / 8 - digestSize - 2];
}
