import type { Bytes } from '#core/bytes.ts';

import { MAX_DIGEST_SIZE, MAX_NAME_SIZE, TAG, TPM_GENERATED } from './constants.ts';
import { type PcrSelection, readPcrSelections } from './pcr.ts';
import { Reader } from './reader.ts';

/** TPMS_CLOCK_INFO. */
export interface ClockInfo {
  /** Milliseconds; goes back at most 2^22 after an unclean stop, and then `safe` is false. */
  readonly clock: bigint;
  readonly resetCount: number;
  readonly restartCount: number;
  readonly safe: boolean;
}

interface AttestBase {
  /** Qualified Name of the signing key. */
  readonly qualifiedSigner: Bytes;
  /** What the caller of the command asked to have signed with it. */
  readonly extraData: Bytes;
  readonly clockInfo: ClockInfo;
  /** Like resetCount and restartCount, obfuscated unless the key is in the endorsement or platform hierarchy. */
  readonly firmwareVersion: bigint;
}

export interface QuoteAttest extends AttestBase {
  readonly type: 'quote';
  readonly pcrSelect: readonly PcrSelection[];
  readonly pcrDigest: Bytes;
}

export interface CertifyAttest extends AttestBase {
  readonly type: 'certify';
  readonly name: Bytes;
  readonly qualifiedName: Bytes;
}

export interface CreationAttest extends AttestBase {
  readonly type: 'creation';
  readonly objectName: Bytes;
  readonly creationHash: Bytes;
}

export interface NvAttest extends AttestBase {
  readonly type: 'nv';
  readonly indexName: Bytes;
  readonly nvOffset: number;
  readonly nvContents: Bytes;
}

export interface TimeAttest extends AttestBase {
  readonly type: 'time';
  /** Milliseconds since the TPM's last start. */
  readonly time: bigint;
  readonly attestedClockInfo: ClockInfo;
  readonly attestedFirmwareVersion: bigint;
}

/** TPMS_ATTEST. Nothing in it is proven until a signature over the same bytes is. */
export type Attest = QuoteAttest | CertifyAttest | CreationAttest | NvAttest | TimeAttest;

/** The largest TPMS_ATTEST accepted, in bytes; a quote of one bank has at most some 300. */
export const MAX_ATTEST_SIZE = 1024;

/**
 * The magic and TPMI_ST_ATTEST of a TPMS_ATTEST, whatever they are, so that a verifier can name what is wrong with them before it parses
 * the rest. Throws Tpm2FormatError if there are not six bytes.
 */
export function readAttestHeader(bytes: Bytes): { readonly magic: number; readonly type: number } {
  const reader = new Reader(bytes, 'TPMS_ATTEST');
  return { magic: reader.u32(), type: reader.u16() };
}

/**
 * The TPMS_ATTEST in `bytes`: made by a TPM or by someone who can write four bytes, of one of five types, complete and with nothing after
 * it. Throws Tpm2FormatError: 'bad-value' for another magic, 'unknown-selector' for another type.
 */
export function parseAttest(bytes: Bytes): Attest {
  const reader = new Reader(bytes, 'TPMS_ATTEST');
  if (bytes.byteLength > MAX_ATTEST_SIZE) throw reader.fail('size-out-of-range');
  if (reader.u32() !== TPM_GENERATED) throw reader.fail('bad-value');
  const type = reader.u16();
  const base = {
    qualifiedSigner: reader.sized(MAX_NAME_SIZE),
    extraData: reader.sized(MAX_NAME_SIZE),
    clockInfo: readClockInfo(reader),
    firmwareVersion: reader.u64(),
  };
  const attest = readAttested(reader, type, base);
  reader.end();
  return attest;
}

/** TPMS_CLOCK_INFO; `safe` is a TPMI_YES_NO, so a byte other than 0 and 1 is 'bad-value'. */
export function readClockInfo(reader: Reader): ClockInfo {
  const clock = reader.u64();
  const resetCount = reader.u32();
  const restartCount = reader.u32();
  const safe = reader.u8();
  if (safe > 1) throw reader.fail('bad-value');
  return { clock, resetCount, restartCount, safe: safe === 1 };
}

function readAttested(reader: Reader, type: number, base: AttestBase): Attest {
  switch (type) {
    case TAG.attestQuote:
      return { type: 'quote', ...base, pcrSelect: readPcrSelections(reader), pcrDigest: reader.sized(MAX_DIGEST_SIZE) };
    case TAG.attestCertify:
      return {
        type: 'certify',
        ...base,
        name: reader.sized(MAX_NAME_SIZE),
        qualifiedName: reader.sized(MAX_NAME_SIZE),
      };
    case TAG.attestCreation:
      return {
        type: 'creation',
        ...base,
        objectName: reader.sized(MAX_NAME_SIZE),
        creationHash: reader.sized(MAX_DIGEST_SIZE),
      };
    case TAG.attestNv:
      return {
        type: 'nv',
        ...base,
        indexName: reader.sized(MAX_NAME_SIZE),
        nvOffset: reader.u16(),
        nvContents: reader.sized(),
      };
    case TAG.attestTime:
      return {
        type: 'time',
        ...base,
        time: reader.u64(),
        attestedClockInfo: readClockInfo(reader),
        attestedFirmwareVersion: reader.u64(),
      };
    default:
      throw reader.fail('unknown-selector');
  }
}
