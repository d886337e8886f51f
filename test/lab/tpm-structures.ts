import { constants, type KeyObject, sign } from 'node:crypto';

import type { Bytes } from '#core/bytes.ts';
import type { HashName } from '#core/digest.ts';
import type { ClockInfo } from '#tpm2/attest.ts';
import { algOfHash, TAG, TPM_GENERATED } from '#tpm2/constants.ts';
import { type PcrSelection, writePcrSelections } from '#tpm2/pcr.ts';
import { Writer } from '#tpm2/writer.ts';

import { SIGNATURE_ALG } from './tpm-keys.ts';

/** Every field of a TPMS_ATTEST of a quote, so that a test can make any one of them wrong. */
export interface QuoteFields {
  readonly magic?: number;
  readonly type?: number;
  readonly qualifiedSigner: Bytes;
  readonly extraData: Bytes;
  readonly clockInfo: ClockInfo;
  readonly firmwareVersion: bigint;
  readonly pcrSelect: readonly PcrSelection[];
  readonly pcrDigest: Bytes;
}

/** TPMS_ATTEST. */
export function encodeQuote(fields: QuoteFields): Bytes {
  const { clock, resetCount, restartCount, safe } = fields.clockInfo;
  const writer = new Writer()
    .u32(fields.magic ?? TPM_GENERATED)
    .u16(fields.type ?? TAG.attestQuote)
    .sized(fields.qualifiedSigner)
    .sized(fields.extraData)
    .u64(clock)
    .u32(resetCount)
    .u32(restartCount)
    .u8(safe ? 1 : 0)
    .u64(fields.firmwareVersion);
  return writePcrSelections(writer, fields.pcrSelect).sized(fields.pcrDigest).finish();
}

export interface SigningScheme {
  readonly kind: 'rsassa' | 'rsapss' | 'ecdsa';
  readonly hash: HashName;
}

/** TPMT_SIGNATURE over `data`. */
export function signAsTpm(key: KeyObject, { kind, hash }: SigningScheme, data: Bytes): Bytes {
  const writer = new Writer().u16(SIGNATURE_ALG[kind]).u16(algOfHash(hash));
  if (kind === 'ecdsa') {
    const pair = sign(hash, data, { key, dsaEncoding: 'ieee-p1363' });
    const half = pair.byteLength / 2;
    return writer.sized(pair.subarray(0, half)).sized(pair.subarray(half)).finish();
  }
  const padding = kind === 'rsassa' ? constants.RSA_PKCS1_PADDING : constants.RSA_PKCS1_PSS_PADDING;
  return writer.sized(sign(hash, data, { key, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST })).finish();
}
