import { type Admission, mintAdmission } from '#core/admission.ts';
import type { NodeName, RequestId } from '#core/ids.ts';
import { unreachable } from '#core/never.ts';
import type { NodeRecord } from '#core/node-record.ts';
import { runToEnd, type Steps } from '#core/steps.ts';

import { checkBootEpoch, type EpochComparison, epochAdvisories } from './boot-epoch.ts';
import type { EvidencePolicy, Policy } from './evidence-policy.ts';
import { renderFirmware } from './firmware-version.ts';
import { appraiseBoot } from './measured-boot/appraise-boot.ts';
import { provenCommandLines } from './measured-boot/appraise-command-line.ts';
import { appraiseImaInSteps } from './measured-boot/ima/appraise-ima.ts';
import { matchPool, type ReferenceMatch, type ReferenceStanding } from './reference-values.ts';
import type {
  Advisory,
  AttestationResult,
  Denial,
  VerifiedClaims,
  VerifiedEkCertificate,
  VerifiedMeasurementClaims,
  VerifiedTpm2Claims,
} from './result.ts';
import { measurementDenials } from './signed-measurements/appraise-measurements.ts';

export interface AppraisalInput<C extends VerifiedClaims = VerifiedClaims> {
  /** What `verifyEvidence` established. */
  readonly claims: C;
  /** The record that the EK's fingerprint, or the measurement key's, is enrolled under, if there is one. */
  readonly node: NodeRecord | undefined;
  readonly claimedNodeName: NodeName;
  readonly policy: Policy;
  readonly requestId: RequestId;
  readonly now: Date;
}

/**
 * Appraises verified claims against the enrolment record, the reference values and the policy of the record's pool, and reports every
 * failure. `affirming`, and with it an admission, of a TPM's claims only if
 *  - the EK is enrolled, not denied, and under the name that the node claims, in a state that admits;
 *  - the pool exists, and its demands on the EK certificate are met;
 *  - the quote covers exactly the pool's PCRs, and those that need known values match whole one set of them that is valid now;
 *  - the boot that the event log proves meets every demand, where the pool has demands on it;
 *  - every file that the IMA list proves is accepted, where the pool asks for the list;
 *  - the TPM's firmware is what it was at the node's last join, where the pool refuses another;
 *  - the TPM's counters are later than at the node's last join.
 * And of signed measurements only as `measurementDenials` says.
 *
 * Name, pool, rating and lifetime in the admission are the record's and the policy's: nothing in it comes from the caller.
 */
export const appraise = (input: AppraisalInput): AttestationResult => runToEnd(appraiseInSteps(input));

/** As `appraise`; an IMA list may be long. */
export function* appraiseInSteps(input: AppraisalInput): Steps<AttestationResult> {
  const { claims } = input;
  switch (claims.kind) {
    case 'tpm2-quote':
      return yield* appraiseTpm2({ ...input, claims });
    case 'signed-measurements':
      return appraiseMeasurements({ ...input, claims });
    default:
      return unreachable(claims);
  }
}

function appraiseMeasurements(input: AppraisalInput<VerifiedMeasurementClaims>): AttestationResult {
  const { node, policy } = input;
  const pool = node === undefined ? undefined : policy.pools.get(node.pool);
  const common = { policyVersion: policy.version, advisories: [] };
  const denials = [
    ...checkRecord(input),
    ...(node !== undefined && pool === undefined ? [poolUnknown(node)] : []),
    ...measurementDenials(input, pool),
  ];
  if (denials.length > 0 || node === undefined || pool === undefined) {
    return { status: 'contraindicated', denials, ...common };
  }
  return { status: 'affirming', admission: admit(input, node, pool), referenceValues: undefined, ...common };
}

function* appraiseTpm2(input: AppraisalInput<VerifiedTpm2Claims>): Steps<AttestationResult> {
  const { claims, node, policy, now } = input;
  const policyVersion = policy.version;
  const advisories = collectAdvisories(input);
  const pool = node === undefined ? undefined : policy.pools.get(node.pool);
  const match = pool === undefined ? undefined : matchPool(claims.pcrs, pool.tpm2, now);
  const denials = [
    ...checkEnrolment(input),
    ...(node !== undefined && pool === undefined ? [poolUnknown(node)] : []),
    ...(pool === undefined ? [] : [...checkCertificate(claims.ek, pool), ...checkSelection(claims, pool)]),
    ...(match === undefined ? [] : referenceDenials(match)),
    ...(pool === undefined ? [] : [...checkBoot(claims, pool), ...(yield* checkIma(input, pool))]),
    ...(pool === undefined ? [] : checkFirmware(input, pool)),
    ...checkEpoch(input),
  ];
  // Each condition again, so that an empty list of denials is never enough by itself.
  if (denials.length > 0 || node === undefined || pool === undefined || match === undefined || !admits(match)) {
    return { status: 'contraindicated', denials, policyVersion, advisories };
  }
  const admission = admit(input, node, pool);
  const referenceValues = match.kind === 'match' ? match.name : undefined;
  return { status: 'affirming', admission, referenceValues, policyVersion, advisories };
}

const admit = ({ requestId }: AppraisalInput, node: NodeRecord, pool: EvidencePolicy): Admission =>
  mintAdmission({
    nodeId: node.id,
    nodeName: node.name,
    pool: node.pool,
    protectionRating: pool.protectionRating,
    ttlSeconds: pool.ttlSeconds,
    requestId,
  });

/** Whether the PCRs are those of a known state, or none has to be known. `not-demanded` comes only of a policy in which something else judges every PCR (`checkPool`). */
export const admits = ({ kind }: ReferenceMatch): boolean => kind === 'match' || kind === 'not-demanded';

/** What the event log's facts lack of the pool's demands. Without verified facts, none of them is met. */
function checkBoot({ boot }: VerifiedTpm2Claims, { tpm2 }: EvidencePolicy): readonly Denial[] {
  if (tpm2.boot === undefined) return [];
  if (boot === undefined)
    return [{ code: 'event-log-empty', detail: 'the pool demands a boot that an event log proves' }];
  return appraiseBoot(boot, tpm2.boot).denials;
}

/** What the IMA list's records lack of the pool's demands. Without a verified list, none of them is met. */
function* checkIma(
  { claims, node, policy }: AppraisalInput<VerifiedTpm2Claims>,
  { tpm2 }: EvidencePolicy,
): Steps<readonly Denial[]> {
  if (tpm2.ima === undefined) return [];
  const { boot, ima } = claims;
  if (ima === undefined) return [{ code: 'ima-log-empty', detail: 'the pool demands an IMA list' }];
  const commandLines = boot === undefined ? undefined : provenCommandLines(boot);
  const acceptedBefore = node?.imaProgress?.policyVersion === policy.version;
  const { denials } = yield* appraiseImaInSteps({ ima, policy: tpm2.ima, commandLines, acceptedBefore });
  return denials;
}

function checkEnrolment(input: AppraisalInput<VerifiedTpm2Claims>): readonly Denial[] {
  const { claims, node, policy } = input;
  const { fingerprint } = claims.ek;
  const denials: Denial[] = [];
  if (policy.deniedEks.has(fingerprint)) denials.push({ code: 'ek-denied', found: fingerprint });
  if (node === undefined || node.ekFingerprint !== fingerprint) {
    return [...denials, { code: 'ek-not-enrolled', found: fingerprint, expected: node?.ekFingerprint }];
  }
  if (node.measurementKey !== undefined) {
    // The same key in software would otherwise pass for a TPM where a pool asks for no EK certificate.
    denials.push({ code: 'evidence-kind-unexpected', expected: 'signed-measurements', found: claims.kind });
  }
  return [...denials, ...checkRecord(input)];
}

/** The name that is claimed, and the state, whatever the evidence. */
function checkRecord({ node, claimedNodeName }: AppraisalInput): readonly Denial[] {
  if (node === undefined) return [];
  const denials: Denial[] = [];
  if (node.name !== claimedNodeName) {
    denials.push({ code: 'node-name-mismatch', expected: node.name, found: claimedNodeName });
  }
  if (node.state !== 'enrolled' && node.state !== 'joined') {
    denials.push({ code: 'node-not-admissible', expected: 'enrolled or joined', found: node.state });
  }
  return denials;
}

function poolUnknown(node: NodeRecord): Denial {
  return { code: 'pool-unknown', found: node.pool, detail: 'the policy has no such pool' };
}

/** What a pool has against the EK certificate that was verified, or against there being none. */
export function checkCertificate(
  {
    certificate,
  }: { readonly certificate: Pick<VerifiedEkCertificate, 'software' | 'manufacturer' | 'model'> | undefined },
  { tpm2 }: EvidencePolicy,
): readonly Denial[] {
  if (certificate === undefined) {
    if (tpm2.allowEkWithoutCertificate) return [];
    return [{ code: 'ek-certificate-missing', detail: 'the pool admits only EKs certified by one of its anchors' }];
  }
  if (!certificate.software || tpm2.allowSoftwareTpm) return [];
  return [{ code: 'software-tpm-refused', found: `${certificate.manufacturer} ${certificate.model}` }];
}

/** The challenge may have been made for another pool, or under another policy. */
export function checkSelection(
  { bank, pcrs }: Pick<VerifiedTpm2Claims, 'bank' | 'pcrs'>,
  { tpm2 }: EvidencePolicy,
): readonly Denial[] {
  const expected = `${tpm2.bank}:${tpm2.pcrs.join(',')}`;
  const found = `${bank}:${[...pcrs.keys()].toSorted((a, b) => a - b).join(',')}`;
  return expected === found
    ? []
    : [{ code: 'pcr-selection-mismatch', expected, found, detail: "the pool's selection" }];
}

/** What comes of comparing the PCRs with the pool's reference values. */
export function referenceDenials(match: ReferenceMatch): readonly Denial[] {
  switch (match.kind) {
    case 'match':
    case 'not-demanded':
      return [];
    case 'no-reference-values':
      return [
        { code: 'reference-values-missing', detail: 'the pool has no reference values, so nothing is known good' },
      ];
    case 'not-in-force':
      return [notInForce(match.name, match.standing)];
    case 'mismatch':
      return match.mismatches.map(({ pcr, expected, found }) => ({
        code: 'pcr-mismatch',
        pcr,
        expected,
        found,
        detail: `nearest reference values: ${match.nearest}`,
      }));
  }
}

function notInForce(found: string, standing: ReferenceStanding): Denial {
  if (standing === 'retired') {
    return { code: 'reference-values-retired', found, detail: 'an administrator retired these reference values' };
  }
  const detail = `these reference values are ${standing === 'expired' ? 'expired' : 'not valid yet'}, and no others match`;
  return { code: 'reference-values-expired', found, detail };
}

function checkFirmware(
  { claims, node }: AppraisalInput<VerifiedTpm2Claims>,
  { tpm2 }: EvidencePolicy,
): readonly Denial[] {
  const change = firmwareChange(claims, node);
  if (change === undefined || tpm2.onFirmwareChange === 'advise') return [];
  const detail = 'the TPM’s firmware changed; if that was meant, retire the node and enrol it again';
  return [{ code: 'firmware-changed', ...change, detail }];
}

/** The versions, where the last accepted join stated another. Known weak firmware is for the policy's list of denied EKs. */
function firmwareChange(
  { firmwareVersion }: VerifiedTpm2Claims,
  node: NodeRecord | undefined,
): { readonly expected: string; readonly found: string } | undefined {
  const found = renderFirmware(firmwareVersion);
  const expected = node?.firmwareVersion;
  return expected === undefined || expected === found ? undefined : { expected, found };
}

function checkEpoch(input: AppraisalInput<VerifiedTpm2Claims>): readonly Denial[] {
  const comparison = epochComparison(input);
  const denial = comparison === undefined ? undefined : checkBootEpoch(comparison);
  return denial === undefined ? [] : [denial];
}

function collectAdvisories(input: AppraisalInput<VerifiedTpm2Claims>): readonly Advisory[] {
  const { claims, node } = input;
  const advisories: Advisory[] = [];
  // Normal for up to 70 minutes after a power loss (2^22 ms), so never a reason to refuse.
  if (!claims.clockSafe) advisories.push({ code: 'clock-not-safe', detail: 'the TPM lost power without notice' });
  if (node?.akName !== undefined && node.akName !== claims.akName) {
    advisories.push({ code: 'ak-changed', detail: `last join's AK was ${node.akName}, this one is ${claims.akName}` });
  }
  const firmware = firmwareChange(claims, node);
  if (firmware !== undefined) {
    const detail = `last join's TPM firmware was ${firmware.expected}, this one is ${firmware.found}`;
    advisories.push({ code: 'firmware-changed', detail });
  }
  const comparison = epochComparison(input);
  return comparison === undefined ? advisories : [...advisories, ...epochAdvisories(comparison)];
}

/** Only between joins of one EK: another TPM's counters have nothing to do with these. */
function epochComparison({ claims, node, now }: AppraisalInput<VerifiedTpm2Claims>): EpochComparison | undefined {
  if (node?.bootEpoch === undefined || node.ekFingerprint !== claims.ek.fingerprint) return undefined;
  return { last: node.bootEpoch, lastAt: node.lastJoinAt, current: claims.bootEpoch, now };
}
