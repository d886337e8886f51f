import type { Bytes } from '#core/bytes.ts';
import { toHex } from '#core/bytes.ts';
import type { NodeName } from '#core/ids.ts';
import { unreachable } from '#core/never.ts';
import { qualifyingData } from '#core/qualifying-data.ts';
import { runToEnd, type Steps } from '#core/steps.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import type { PcrBank } from '#protocol/challenge.ts';
import type { Evidence, Tpm2Evidence } from '#protocol/join.ts';
import type { MeasuredBootPolicy } from '#protocol/measured-boot-policy.ts';
import { Tpm2FormatError } from '#tpm2/format-error.ts';

import { isDenial } from './denial.ts';
import type { Anchors } from './endorsements.ts';
import { type BootFacts, bootFacts } from './measured-boot/boot-facts.ts';
import type { ImaState } from './measured-boot/ima/ima-state.ts';
import { type VerifiedIma, verifyImaInSteps } from './measured-boot/ima/verify-ima.ts';
import { verifyEventLog } from './measured-boot/verify-event-log.ts';
import type {
  Denial,
  VerifiedClaims,
  VerifiedEkCertificate,
  VerifiedMeasurementClaims,
  VerifiedTpm2Claims,
  Verification,
} from './result.ts';
import { verifyToken } from './signed-measurements/verify-token.ts';
import { verifyEkCertificate } from './tpm2/verify-ek-certificate.ts';
import { verifyQuote } from './tpm2/verify-quote.ts';
import { checkHierarchy, type Residency, verifyResidency } from './tpm2/verify-residency.ts';

/** What the service sealed into the ticket when it made the challenge: the join request cannot change any of it. */
export type ChallengeFacts = Tpm2ChallengeFacts | MeasurementChallengeFacts;

/** A challenge to a key that signs measurements: the nonce is all there is to answer. Which key, the enrolment record says. */
export interface MeasurementChallengeFacts {
  readonly kind: 'signed-measurements';
  /** 32 bytes. */
  readonly nonce: Bytes;
  /** What the node says its name is. The enrolment record decides. */
  readonly claimedNodeName: NodeName;
}

/** A challenge to a TPM. */
export interface Tpm2ChallengeFacts {
  readonly kind: 'tpm2-quote';
  /** 32 bytes. */
  readonly nonce: Bytes;
  /** What the node says its name is. The enrolment record decides. */
  readonly claimedNodeName: NodeName;
  /** TPMT_PUBLIC that the credential was encrypted to. */
  readonly ekPublic: Bytes;
  /** TPMT_PUBLIC that the credential names. */
  readonly akPublic: Bytes;
  /** The EK's certificate, DER and perhaps the fill of its NV index, then its issuers. Unverified; may be empty. */
  readonly ekCertificates: readonly Bytes[];
  /** The 32 bytes in the credential. */
  readonly activationSecret: Bytes;
  /** What the quote must cover. */
  readonly bank: PcrBank;
  readonly pcrs: readonly number[];
}

export interface VerifyEvidenceInput {
  readonly challenge: ChallengeFacts;
  readonly evidence: Evidence;
  /** DER SubjectPublicKeyInfo inside the CSR. */
  readonly spki: Bytes;
  /** The service's configured identity. */
  readonly audience: string;
  /** Of the pool that the EK is enrolled in. Undefined where there is none, or it trusts enrolments alone: no certificate is judged then. */
  readonly ekAnchors: Anchors | undefined;
  /** What that pool demands of the boot. Undefined where it demands nothing: an event log is then not looked at. */
  readonly boot: Pick<MeasuredBootPolicy, 'allowPaddedAuthorities'> | undefined;
  /** What that pool demands of the IMA list. Undefined: a list is not looked at. */
  readonly ima: object | undefined;
  /** How far the node's last accepted join proved its IMA list, if it did. */
  readonly previousIma: ImaState | undefined;
  /** The key that the node was enrolled with to sign its measurements, DER SubjectPublicKeyInfo. Undefined where it was enrolled with an EK, or not at all. */
  readonly measurementKey?: Bytes | undefined;
  readonly now: Date;
}

/**
 * Turns evidence into verified claims, or into the first reason why not: what stands behind a failed check would be read from bytes that
 * nobody vouches for. Malformed input is a reason like any other (`evidence-malformed`); a fault throws, and nothing is verified then.
 *
 * On `ok` the claims are those of one TPM, or of one enrolled key, in answer to this challenge, for this service, name and certificate key. It
 * does not say whether they are good enough: `appraise` does.
 */
export const verifyEvidence = (input: VerifyEvidenceInput): Verification => runToEnd(verifyEvidenceInSteps(input));

/** As `verifyEvidence`; logs may be long. */
export function* verifyEvidenceInSteps(input: VerifyEvidenceInput): Steps<Verification> {
  try {
    const outcome = yield* verifyByKind(input);
    if (isDenial(outcome)) return { ok: false, denials: [outcome] };
    return 'denials' in outcome ? { ok: false, denials: outcome.denials } : { ok: true, claims: outcome };
  } catch (error) {
    if (!(error instanceof Tpm2FormatError || error instanceof X509FormatError)) throw error;
    return { ok: false, denials: [{ code: 'evidence-malformed', found: error.code, detail: error.message }] };
  }
}

function* verifyByKind(input: VerifyEvidenceInput): Steps<VerifiedClaims | Refused | Denial> {
  const { evidence, challenge } = input;
  switch (evidence.kind) {
    case 'tpm2-quote':
      return challenge.kind === 'tpm2-quote'
        ? yield* verifyTpm2Evidence({ ...input, challenge }, evidence)
        : kindUnexpected(challenge, evidence);
    case 'signed-measurements':
      return challenge.kind === 'signed-measurements'
        ? verifyMeasurements({ ...input, challenge }, evidence)
        : kindUnexpected(challenge, evidence);
    default:
      return unreachable(evidence);
  }
}

/** A challenge is answered with the kind of evidence that it asked for: otherwise what was sealed for one would be read as the other. */
const kindUnexpected = (challenge: ChallengeFacts, evidence: Evidence): Denial => ({
  code: 'evidence-kind-unexpected',
  expected: challenge.kind,
  found: evidence.kind,
});

function verifyMeasurements(
  { challenge, spki, audience, measurementKey, now }: InputFor<MeasurementChallengeFacts>,
  { token }: Extract<Evidence, { kind: 'signed-measurements' }>,
): VerifiedMeasurementClaims | Denial {
  const binding = { audience, nonce: challenge.nonce, nodeName: challenge.claimedNodeName, spki };
  return verifyToken({ token, spki: measurementKey, qualifyingData: qualifyingData(binding), now });
}

/** The input, its challenge known to be of one kind. */
type InputFor<C extends ChallengeFacts> = VerifyEvidenceInput & { readonly challenge: C };

/** Cheapest check first: a caller without the secret costs one comparison. */
function* verifyTpm2Evidence(
  input: InputFor<Tpm2ChallengeFacts>,
  evidence: Tpm2Evidence,
): Steps<VerifiedTpm2Claims | Refused | Denial> {
  const { challenge, spki, audience } = input;
  const residency = verifyResidency({
    ekPublic: challenge.ekPublic,
    akPublic: challenge.akPublic,
    expectedSecret: challenge.activationSecret,
    activationSecret: evidence.activationSecret,
  });
  if (isDenial(residency)) return residency;
  const certificate = verifyCertificates(input, residency);
  if (certificate !== undefined && isDenial(certificate)) return certificate;
  const binding = { audience, nonce: challenge.nonce, nodeName: challenge.claimedNodeName, spki };
  const quote = verifyQuote({
    ak: residency.ak,
    quoted: evidence.quoted,
    signature: evidence.signature,
    qualifyingData: qualifyingData(binding),
    bank: challenge.bank,
    pcrs: challenge.pcrs,
    claimedPcrs: evidence.pcrs,
  });
  if (isDenial(quote)) return quote;
  const hierarchyDenial = checkHierarchy(residency, quote.qualifiedSigner);
  if (hierarchyDenial !== undefined) return hierarchyDenial;
  const { pcrs, bootEpoch, clockSafe, firmwareVersion } = quote;
  yield;
  const boot = verifyBoot(input, evidence, pcrs);
  if (boot !== undefined && 'denials' in boot) return boot;
  yield;
  const ima = yield* verifyImaList(input, evidence, quote);
  if (ima !== undefined && 'denials' in ima) return ima;
  return {
    kind: 'tpm2-quote',
    ek: { fingerprint: residency.ek.fingerprint, certificate },
    akName: toHex(residency.ak.name),
    bank: challenge.bank,
    pcrs,
    bootEpoch,
    clockSafe,
    firmwareVersion,
    boot,
    ima,
  };
}

/** Several denials for one part of the evidence. */
interface Refused {
  readonly denials: readonly Denial[];
}

/** The facts that the event log proves of the quoted PCRs; undefined where the pool asks for none. */
function verifyBoot(
  { boot, challenge }: InputFor<Tpm2ChallengeFacts>,
  { eventLog }: Tpm2Evidence,
  quotedPcrs: ReadonlyMap<number, string>,
): BootFacts | Refused | undefined {
  if (boot === undefined) return undefined;
  const { bank, pcrs: policyPcrs } = challenge;
  const { allowPaddedAuthorities } = boot;
  const log = eventLog ?? new Uint8Array();
  const verified = verifyEventLog({ log, bank, policyPcrs, quotedPcrs, allowPaddedAuthorities });
  return verified.ok ? bootFacts(verified.log) : { denials: verified.denials };
}

/** The IMA list as far as the quote proves it; undefined where the pool asks for none. */
function* verifyImaList(
  { ima, previousIma: previous, challenge: { bank } }: InputFor<Tpm2ChallengeFacts>,
  { imaLog }: Tpm2Evidence,
  { pcrs: quotedPcrs, bootEpoch: { resetCount } }: Pick<VerifiedTpm2Claims, 'pcrs' | 'bootEpoch'>,
): Steps<VerifiedIma | Refused | undefined> {
  if (ima === undefined) return undefined;
  const log = imaLog ?? new Uint8Array();
  // The protocol carries the list from its first record.
  const verified = yield* verifyImaInSteps({ log, firstRecord: 0, bank, quotedPcrs, resetCount, previous });
  return verified.ok ? verified.ima : verified;
}

/**
 * The verified certificate; undefined where none was shown, or none is judged: whoever could show a bad one there could as well show none,
 * and there are makers whose certificates do not parse.
 */
function verifyCertificates(
  { challenge, ekAnchors, now }: InputFor<Tpm2ChallengeFacts>,
  { ek }: Residency,
): VerifiedEkCertificate | Denial | undefined {
  const { ekCertificates } = challenge;
  if (ekAnchors === undefined || ekCertificates.length === 0) return undefined;
  return verifyEkCertificate({ ekSpki: ek.spki, ekCertificates, anchors: ekAnchors, now });
}
