import { type Bytes, equalBytes, toHex } from '#core/bytes.ts';
import { RH } from '#tpm2/constants.ts';
import { qualifiedName } from '#tpm2/name.ts';

import { isDenial } from '../denial.ts';
import type { Denial } from '../result.ts';
import { type AttestationKey, readAttestationKey } from './attestation-key.ts';
import { type EndorsementKey, readEndorsementKey } from './endorsement-key.ts';
import { plainSpkiOf } from './public-area-spki.ts';

export interface ResidencyInput {
  /** TPMT_PUBLIC that the challenge was made for. */
  readonly ekPublic: Bytes;
  /** TPMT_PUBLIC that the challenge was made for. */
  readonly akPublic: Bytes;
  /** What the challenge's credential holds. */
  readonly expectedSecret: Bytes;
  /** What the caller says its TPM recovered from it. */
  readonly activationSecret: Bytes;
}

/** An AK and the EK of the TPM that it lives in. */
export interface Residency {
  readonly ek: EndorsementKey;
  readonly ak: AttestationKey;
}

/**
 * Establishes, in this order, that
 *  1. the caller recovered this challenge's secret, so it reaches a TPM that holds the EK together with an object of the AK's Name;
 *  2. the EK is a storage key of a known template (`readEndorsementKey`), so only TPM2_ActivateCredential recovered it;
 *  3. that object is a restricted, TPM-made, immovable signing key (`readAttestationKey`).
 *
 * It does not establish whose TPM it is, nor that it is one: a program that holds an EK's private key passes. That is for the EK's
 * certificate and its enrolment. Throws Tpm2FormatError.
 */
export function verifyResidency(input: ResidencyInput): Residency | Denial {
  if (!equalBytes(input.activationSecret, input.expectedSecret)) {
    // Neither value goes into the denial: a log that holds an expected secret is an oracle (CVE-2023-38201).
    return { code: 'activation-failed', detail: 'the activation secret is not the one this challenge holds' };
  }
  const ek = readEndorsementKey(input.ekPublic);
  if (isDenial(ek)) return ek;
  const ak = readAttestationKey(input.akPublic);
  if (isDenial(ak)) return ak;
  if (equalBytes(plainSpkiOf(ak.area), ek.spki)) return { code: 'ak-attributes-unsafe', detail: 'the AK is the EK' };
  return { ek, ak };
}

/**
 * Nothing if `qualifiedSigner`, taken from a quote whose signature was verified, is the Qualified Name that the AK has as an endorsement
 * primary or as a child of the EK. In another hierarchy the TPM hides its reset counts and firmware version behind a constant, and
 * comparing them with the last join's would mean nothing (TPM 2.0 Part 2, TPMS_ATTEST).
 */
export function checkHierarchy({ ek, ak }: Residency, qualifiedSigner: Bytes): Denial | undefined {
  const ekQualified = qualifiedName(RH.endorsement, ek.name, ek.area.nameAlg);
  const asPrimary = qualifiedName(RH.endorsement, ak.name, ak.nameAlg);
  const asChild = qualifiedName(ekQualified, ak.name, ak.nameAlg);
  if (equalBytes(qualifiedSigner, asPrimary) || equalBytes(qualifiedSigner, asChild)) return undefined;
  return {
    code: 'ak-not-in-endorsement-hierarchy',
    expected: `${toHex(asPrimary)} (primary) or ${toHex(asChild)} (child of the EK)`,
    found: toHex(qualifiedSigner),
  };
}
