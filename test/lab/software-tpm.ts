import type { KeyObject } from 'node:crypto';

import { type Bytes, concatBytes, fromHex, toHex } from '#core/bytes.ts';
import { digest, DIGEST_SIZE, type HashName } from '#core/digest.ts';
import { ekFingerprint, type EkFingerprint } from '#core/ids.ts';
import type { ClockInfo } from '#tpm2/attest.ts';
import { RH } from '#tpm2/constants.ts';
import { objectName, qualifiedName } from '#tpm2/name.ts';
import { PCR_COUNT, pcrComposite, type PcrSelection, pcrSelection } from '#tpm2/pcr.ts';
import { type PublicArea, writePublicArea } from '#tpm2/public-area.ts';
import { publicAreaSpki } from '#tpm2/public-key.ts';

import { activateCredential } from './tpm-activation.ts';
import { createAttestationKey, createEndorsementKey, type LabAkKind, type LabEkKind, type LabKey } from './tpm-keys.ts';
import { encodeQuote, type QuoteFields, signAsTpm, type SigningScheme } from './tpm-structures.ts';

export interface LabTpmOptions {
  readonly ek?: LabEkKind;
  readonly ak?: LabAkKind;
  /** Where the AK hangs: below the endorsement or owner hierarchy, or below the EK. */
  readonly akParent?: 'endorsement' | 'owner' | 'ek';
  /** Changes the AK's public area: the one wrong thing. */
  readonly editAk?: (area: PublicArea) => PublicArea;
  /** Its AK is this one's: as in one TPM with two EKs, and in a copy of a virtual one. */
  readonly akOf?: LabTpm;
}

export interface LabQuoteOptions {
  readonly qualifyingData: Bytes;
  readonly bank: HashName;
  readonly pcrs: readonly number[];
  /** Replaces fields after the TPM has filled them in. A real TPM would not sign the result; a software key would. */
  readonly edit?: (fields: QuoteFields) => QuoteFields;
  /** Stands after the TPMS_ATTEST, signed with it. */
  readonly tail?: Bytes;
  /** Signs with another scheme than the AK's. */
  readonly scheme?: SigningScheme;
  /** Signs with another key than the AK. */
  readonly signer?: KeyObject;
}

export interface LabQuote {
  /** TPMS_ATTEST. */
  readonly quoted: Bytes;
  /** TPMT_SIGNATURE. */
  readonly signature: Bytes;
}

/** A TPM made of this process's memory: real structures, real cryptography, no protection whatever. */
export function labTpm(options: LabTpmOptions = {}): LabTpm {
  return new LabTpm(options);
}

const BANKS: readonly HashName[] = ['sha1', 'sha256', 'sha384'];

export class LabTpm {
  readonly #ek: LabKey;
  readonly #ak: LabKey;
  readonly #akParent: NonNullable<LabTpmOptions['akParent']>;
  #pcrs = resetPcrs();
  #clock: ClockInfo = { clock: 1_000_000n, resetCount: 7, restartCount: 0, safe: true };
  firmwareVersion = 0x0001_0002_0003_0004n;

  constructor(options: LabTpmOptions) {
    this.#ek = createEndorsementKey(options.ek ?? 'p256');
    const { akOf } = options;
    this.#ak = akOf === undefined ? createAttestationKey(options.ak ?? 'p256', options.editAk) : akOf.#ak;
    this.#akParent = options.akParent ?? 'endorsement';
  }

  get ekArea(): PublicArea {
    return this.#ek.area;
  }

  /** TPMT_PUBLIC. */
  get ekPublic(): Bytes {
    return writePublicArea(this.#ek.area);
  }

  /** DER SubjectPublicKeyInfo. */
  get ekSpki(): Bytes {
    return publicAreaSpki(this.#ek.area);
  }

  get ekFingerprint(): EkFingerprint {
    return ekFingerprint(this.ekSpki);
  }

  /** What leaves no real TPM: for an "EK" that a program made. */
  get ekPrivateKey(): KeyObject {
    return this.#ek.privateKey;
  }

  get akArea(): PublicArea {
    return this.#ak.area;
  }

  /** TPMT_PUBLIC. */
  get akPublic(): Bytes {
    return writePublicArea(this.#ak.area);
  }

  get akName(): Bytes {
    return objectName(this.akPublic, this.#ak.area.nameAlg);
  }

  /** What leaves no real TPM: for quotes that a stolen or software key signs. */
  get akPrivateKey(): KeyObject {
    return this.#ak.privateKey;
  }

  get clockInfo(): ClockInfo {
    return this.#clock;
  }

  /** Time passes. */
  tick(ms: number): void {
    this.#clock = { ...this.#clock, clock: this.#clock.clock + BigInt(ms) };
  }

  /** TPM Reset: the machine was started again. */
  reset(): void {
    this.#pcrs = resetPcrs();
    this.#clock = { ...this.#clock, resetCount: this.#clock.resetCount + 1, restartCount: 0 };
  }

  /** TPM Resume: the machine woke up. */
  resume(): void {
    this.#clock = { ...this.#clock, restartCount: this.#clock.restartCount + 1 };
  }

  /** The clock as some other moment had it: a snapshot put back. */
  restoreClock(clock: ClockInfo): void {
    this.#clock = clock;
  }

  /** Extends `pcr` in every bank with the digest of `data`. */
  extend(pcr: number, data: Bytes): void {
    for (const bank of BANKS) {
      const values = this.#bank(bank);
      values[pcr] = digest(bank, concatBytes(this.#value(bank, pcr), digest(bank, data)));
    }
  }

  /** Puts the PCRs of `bank` to values that some other machine had: by index, lower-case hex. */
  holdPcrs(bank: HashName, values: Readonly<Record<string, string>>): void {
    for (const [pcr, value] of Object.entries(values)) this.#bank(bank)[Number(pcr)] = fromHex(value);
  }

  /** PCR values by index, lower-case hex. */
  readPcrs(bank: HashName, pcrs: readonly number[]): Record<string, string> {
    return Object.fromEntries(pcrs.map((pcr) => [String(pcr), toHex(this.#value(bank, pcr))]));
  }

  /** TPM2_ActivateCredential for the AK. Throws where a TPM answers TPM_RC_INTEGRITY. */
  activateCredential(credentialBlob: Bytes, encryptedSecret: Bytes): Bytes {
    return activateCredential(this.#ek, this.akName, credentialBlob, encryptedSecret);
  }

  /** TPM2_Quote by the AK. */
  quote(options: LabQuoteOptions): LabQuote {
    const scheme = options.scheme ?? this.#scheme();
    const fields: QuoteFields = {
      qualifiedSigner: this.#qualifiedSigner(),
      extraData: options.qualifyingData,
      clockInfo: this.#clock,
      firmwareVersion: this.firmwareVersion,
      ...this.composite(scheme.hash, [pcrSelection(options.bank, options.pcrs)]),
    };
    const quoted = concatBytes(encodeQuote(options.edit?.(fields) ?? fields), options.tail ?? new Uint8Array());
    return { quoted, signature: signAsTpm(options.signer ?? this.#ak.privateKey, scheme, quoted) };
  }

  /** TPMT_SIGNATURE by the AK over any bytes: what a restricted key of a real TPM would refuse. */
  sign(data: Bytes): Bytes {
    return signAsTpm(this.#ak.privateKey, this.#scheme(), data);
  }

  /** A selection and the digest of its PCRs' present values. */
  composite(signingHash: HashName, pcrSelect: readonly PcrSelection[]): Pick<QuoteFields, 'pcrSelect' | 'pcrDigest'> {
    const values = pcrSelect.flatMap(({ hash, pcrs }) =>
      typeof hash === 'number' ? [] : pcrs.map((pcr) => this.#value(hash, pcr)),
    );
    return { pcrSelect, pcrDigest: pcrComposite(signingHash, values) };
  }

  #qualifiedSigner(): Bytes {
    const { nameAlg } = this.#ak.area;
    switch (this.#akParent) {
      case 'endorsement':
        return qualifiedName(RH.endorsement, this.akName, nameAlg);
      case 'owner':
        return qualifiedName(RH.owner, this.akName, nameAlg);
      case 'ek': {
        const ekName = objectName(this.ekPublic, this.#ek.area.nameAlg);
        return qualifiedName(qualifiedName(RH.endorsement, ekName, this.#ek.area.nameAlg), this.akName, nameAlg);
      }
    }
  }

  #scheme(): SigningScheme {
    const { scheme } = this.#ak.area;
    if (scheme.kind === 'rsassa' || scheme.kind === 'rsapss' || scheme.kind === 'ecdsa') {
      return { kind: scheme.kind, hash: scheme.hash };
    }
    return { kind: this.#ak.area.type === 'rsa' ? 'rsassa' : 'ecdsa', hash: 'sha256' };
  }

  #bank(bank: HashName): Bytes[] {
    const values = this.#pcrs.get(bank);
    if (values === undefined) throw new RangeError(`no bank ${bank}`);
    return values;
  }

  #value(bank: HashName, pcr: number): Bytes {
    const value = this.#bank(bank)[pcr];
    if (value === undefined) throw new RangeError(`no PCR ${pcr}`);
    return value;
  }
}

/** PCRs 17 to 22 start with all bits set, the others with none (PC Client Platform TPM Profile). */
function resetPcrs(): Map<HashName, Bytes[]> {
  return new Map(
    BANKS.map((bank) => [
      bank,
      Array.from({ length: PCR_COUNT }, (_, pcr) =>
        fromHex((pcr >= 17 && pcr <= 22 ? 'ff' : '00').repeat(DIGEST_SIZE[bank])),
      ),
    ]),
  );
}
