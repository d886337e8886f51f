import { type Bytes, equalBytes, fromHex, toHex } from '#core/bytes.ts';
import { DIGEST_SIZE } from '#core/digest.ts';
import type { BootEpoch } from '#core/node-record.ts';
import type { PcrBank } from '#protocol/challenge.ts';
import { parseAttest, type QuoteAttest, readAttestHeader } from '#tpm2/attest.ts';
import { TAG, TPM_GENERATED } from '#tpm2/constants.ts';
import { encodePcrSelections, pcrComposite, pcrSelection } from '#tpm2/pcr.ts';

import { isDenial } from '../denial.ts';
import type { Denial } from '../result.ts';
import type { AttestationKey } from './attestation-key.ts';
import { checkQuoteSignature } from './quote-signature.ts';

export interface QuoteInput {
  readonly ak: AttestationKey;
  /** TPMS_ATTEST, the exact bytes received. */
  readonly quoted: Bytes;
  /** TPMT_SIGNATURE. */
  readonly signature: Bytes;
  /** 32 bytes that the quote must carry as extraData. */
  readonly qualifyingData: Bytes;
  /** What the challenge asked for. */
  readonly bank: PcrBank;
  readonly pcrs: readonly number[];
  /** By bank, then by index, lower-case hex: what the caller says the PCRs hold. */
  readonly claimedPcrs: Readonly<Partial<Record<PcrBank, Readonly<Record<string, string>>>>>;
}

/** What a quote proves about the machine whose TPM holds the AK. */
export interface VerifiedQuote {
  /** PCR values by index, lower-case hex: exactly the PCRs asked for. */
  readonly pcrs: ReadonlyMap<number, string>;
  readonly bootEpoch: BootEpoch;
  readonly clockSafe: boolean;
  readonly firmwareVersion: bigint;
  /** Qualified Name of the key that signed. */
  readonly qualifiedSigner: Bytes;
}

/**
 * Establishes, in this order, that
 *  1. `signature` is the AK's, by the AK's own scheme, over exactly the bytes in `quoted`;
 *  2. those bytes were made by a TPM (magic) and are a quote (type), not a certify or an audit digest;
 *  3. the quote answers this challenge for this service, name and key (extraData equals the qualifying data of `docs/join-protocol.md`);
 *  4. its selection is exactly the bank and the PCRs asked for, and it has the digest of `claimedPcrs` over that selection.
 *
 * It does not establish that the AK lives in an enrolled TPM: that is `verifyResidency`, and a quote from a software key passes every
 * check above. Nor does it say whether the PCR values are good ones, or anything about the event log. Throws Tpm2FormatError.
 */
export function verifyQuote(input: QuoteInput): VerifiedQuote | Denial {
  const signatureDenial = checkQuoteSignature(input.ak, input.quoted, input.signature);
  if (signatureDenial !== undefined) return signatureDenial;
  const quote = readQuote(input.quoted);
  if (isDenial(quote)) return quote;
  if (!equalBytes(quote.extraData, input.qualifyingData)) {
    return {
      code: 'nonce-mismatch',
      expected: toHex(input.qualifyingData),
      found: toHex(quote.extraData),
      detail: 'the quote answers another challenge, service, node name or certificate key',
    };
  }
  const pcrs = verifyComposite(input, quote);
  if (isDenial(pcrs)) return pcrs;
  const { clock, resetCount, restartCount, safe } = quote.clockInfo;
  return {
    pcrs,
    bootEpoch: { resetCount, restartCount, clockMs: clock },
    clockSafe: safe,
    firmwareVersion: quote.firmwareVersion,
    qualifiedSigner: quote.qualifiedSigner,
  };
}

/** Only after the signature: what a stranger wrote there is not worth reading. */
function readQuote(quoted: Bytes): QuoteAttest | Denial {
  const { magic, type } = readAttestHeader(quoted);
  if (magic !== TPM_GENERATED)
    return { code: 'quote-magic-wrong', expected: hex(TPM_GENERATED, 8), found: hex(magic, 8) };
  const wrongType: Denial = { code: 'quote-type-wrong', expected: hex(TAG.attestQuote, 4), found: hex(type, 4) };
  if (type !== TAG.attestQuote) return wrongType;
  const attest = parseAttest(quoted);
  return attest.type === 'quote' ? attest : wrongType;
}

function verifyComposite(input: QuoteInput, quote: QuoteAttest): ReadonlyMap<number, string> | Denial {
  // Byte for byte: a quote over PCR 16, which can be reset, must not be read as one over PCR 10 (CVE-2024-29039), nor one over nothing
  // as one over everything (CVE-2022-0317).
  const asked = encodePcrSelections([pcrSelection(input.bank, input.pcrs)]);
  const signed = encodePcrSelections(quote.pcrSelect);
  if (!equalBytes(signed, asked)) {
    return {
      code: 'pcr-selection-mismatch',
      expected: toHex(asked),
      found: toHex(signed),
      detail: 'TPML_PCR_SELECTION',
    };
  }
  const values = readClaimedPcrs(input);
  if (isDenial(values)) return values;
  // The signing scheme's hash, whatever the bank's is (TPM 2.0 Part 3, TPM2_Quote).
  const composite = pcrComposite(input.ak.scheme.hash, [...values.values()].map(fromHex));
  if (!equalBytes(quote.pcrDigest, composite)) {
    return { code: 'pcr-composite-mismatch', expected: toHex(quote.pcrDigest), found: toHex(composite) };
  }
  return values;
}

/** The claimed values in ascending order of index: of the bank and the PCRs asked for, each a digest long, and no others. */
function readClaimedPcrs({ bank, pcrs, claimedPcrs }: QuoteInput): ReadonlyMap<number, string> | Denial {
  const banks = Object.keys(claimedPcrs);
  const claimed = claimedPcrs[bank];
  if (claimed === undefined || banks.length !== 1) return malformed(bank, banks.join(' ') || 'no bank');
  const indices = [...new Set(pcrs)].toSorted((a, b) => a - b);
  if (Object.keys(claimed).length !== indices.length)
    return malformed(indices.join(' '), Object.keys(claimed).join(' '));
  const values = new Map<number, string>();
  for (const index of indices) {
    const value = claimed[index];
    if (value === undefined) return malformed(indices.join(' '), Object.keys(claimed).join(' '));
    // The composite is over the values one after the other, so a byte moved from one to the next would not show in it.
    if (value.length !== DIGEST_SIZE[bank] * 2) {
      return { ...malformed(`${DIGEST_SIZE[bank]} bytes`, `${value.length / 2} bytes`), pcr: index };
    }
    values.set(index, value);
  }
  return values;
}

const malformed = (expected: string, found: string): Denial => ({ code: 'pcr-values-malformed', expected, found });

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');
