import { utf8 } from '#core/bytes.ts';
import { type CanonicalValue, canonicalJson } from '#core/canonical-json.ts';
import { sha256Hex } from '#core/digest.ts';
import { type EkFingerprint, isPoolName, type PoolName } from '#core/ids.ts';
import type { ProtectionRating } from '#core/node-record.ts';
import type { PcrBank } from '#protocol/challenge.ts';
import type { MeasuredBootPolicy } from '#protocol/measured-boot-policy.ts';
import type { SignedMeasurementsPolicy } from '#protocol/measurements.ts';
import type { PolicyDocument, PoolPolicy, ReferenceValuesDocument, SegmentClass } from '#protocol/policy.ts';

import { checkAdmission } from './admission-contradictions.ts';
import type { Anchors } from './endorsements.ts';
import type { CompiledImaPolicy } from './measured-boot/ima/compile-ima-policy.ts';
import { referencePcrsOf } from './measured-boot/required-pcrs.ts';
import { checkPool } from './policy-contradictions.ts';
import { resolvePool, resolveSigners } from './policy-files.ts';
import { type RatedPool, ratePool } from './protection-rating.ts';
import type { ReferenceSigners } from './reference-manifest.ts';
import type { ReferenceValues } from './reference-values.ts';

/** What a pool demands of a node's TPM. */
export interface Tpm2Policy {
  readonly bank: PcrBank;
  /** Ascending: what the quote covers, all of them and no others. */
  readonly pcrs: readonly number[];
  /** Ascending, all or some of `pcrs`: those whose values must be known ones. The others are for `boot` and `ima` to judge. */
  readonly referencePcrs: readonly number[];
  /** Each covers exactly `referencePcrs` in `bank`. Without any, no join is admitted unless `referencePcrs` is empty. */
  readonly referenceValues: readonly ReferenceValues[];
  /**
   * Whom the pool trusts to certify EKs; without any in them, nobody. Undefined where the pool trusts the enrolment alone: then no EK
   * certificate is judged.
   */
  readonly ekAnchors: Anchors | undefined;
  /** What the event log must prove. Undefined: none is asked for, and `referencePcrs` are all of `pcrs`. */
  readonly boot: MeasuredBootPolicy | undefined;
  /** What the IMA list must show. Undefined: none is asked for. */
  readonly ima: CompiledImaPolicy | undefined;
  readonly allowEkWithoutCertificate: boolean;
  readonly allowSoftwareTpm: boolean;
  /** What a firmware version other than at the last join means. */
  readonly onFirmwareChange: PoolPolicy['tpm2']['onFirmwareChange'];
}

/** A network, and whose it is. */
export type Segment = {
  /** CIDR notation, IPv4 or IPv6. */
  readonly cidr: string;
  readonly class: SegmentClass;
};

/** Where a node that joins listens. */
export type CallbackPolicy = {
  readonly port: number;
  readonly timeoutSeconds: number;
};

/** The appraisal policy for the evidence of one pool's nodes, and what an admitted node gets. */
export interface EvidencePolicy {
  readonly pool: PoolName;
  readonly protectionRating: ProtectionRating;
  /** Who becomes a node of it. */
  readonly admission: PoolPolicy['admission'];
  /** What `endorsed` calls a new node: `nodeNameByRule`. */
  readonly nameRule: string;
  /** How many nodes `endorsed` adds in any hour. */
  readonly newNodesPerHour: number;
  /** Networks that the pool's nodes join from. Empty: nobody. */
  readonly segments: readonly Segment[];
  /** Classes of network that it takes joins from at all. */
  readonly acceptClasses: readonly SegmentClass[];
  /** How its nodes are called back before a certificate is issued. Undefined: they are not. */
  readonly callback: CallbackPolicy | undefined;
  /** Lifetime of its nodes' certificates. */
  readonly ttlSeconds: number;
  readonly tpm2: Tpm2Policy;
  /** What it accepts of machines without a TPM. Undefined: none of them. */
  readonly signedMeasurements: SignedMeasurementsPolicy | undefined;
  readonly nodeLabels: Readonly<Record<string, string>>;
  readonly registerWithTaints: PoolPolicy['registerWithTaints'];
}

/** A policy without contradictions, with everything that its document names. */
export interface Policy {
  /** SHA-256 of the canonical content, the named files' included, lower-case hex: the same for the same demands. */
  readonly version: string;
  readonly pools: ReadonlyMap<PoolName, EvidencePolicy>;
  readonly deniedEks: ReadonlySet<EkFingerprint>;
}

/** The files that a policy document names, by the path it names them with. */
export interface PolicyFiles {
  readonly referenceValues: ReadonlyMap<string, ReferenceValuesDocument>;
  /** PEM text. */
  readonly anchors: ReadonlyMap<string, string>;
  /** The files of `anchors` that each directory holds, by the name that the policy has for it. */
  readonly anchorDirectories?: ReadonlyMap<string, readonly string[]>;
  /** PEM text. */
  readonly referenceSigners: ReadonlyMap<string, string>;
}

/** One thing wrong with a policy: a JSON pointer (RFC 6901) into its document, and what. */
export interface PolicyError {
  readonly path: string;
  readonly detail: string;
}

export type CompiledPolicy =
  | { readonly ok: true; readonly policy: Policy }
  | { readonly ok: false; readonly errors: readonly PolicyError[] };

/**
 * The policy that `document` and its files state. On `ok` every file it names was given and parsed, each set of reference values is for
 * its pool, is signed by one of the policy's signers where it must be, and covers exactly the pool's PCRs, and no pool's demands fall short of its protection rating. Otherwise every error is listed, and there is no policy.
 */
export function compilePolicy(document: PolicyDocument, files: PolicyFiles): CompiledPolicy {
  const { signers, errors: signerErrors } = resolveSigners(document.referenceSigners, files);
  const errors: PolicyError[] = [...signerErrors];
  const pools = new Map<PoolName, EvidencePolicy>();
  for (const [name, pool] of Object.entries(document.pools)) {
    const path = `/pools/${name}`;
    if (!isPoolName(name)) {
      errors.push({ path, detail: 'not a pool name' });
      continue;
    }
    const rated = ratePool(pool, document.ratings, path);
    if (!rated.ok) {
      errors.push(rated.error);
      continue;
    }
    const resolved = resolvePool(rated.pool, files, { name, signers, path: `${path}/tpm2` });
    errors.push(...checkPool(rated.pool, resolved.referenceValues, path), ...checkAdmission(rated.pool, name, path));
    errors.push(...resolved.errors);
    pools.set(name, evidencePolicy(name, rated.pool, resolved));
  }
  if (errors.length > 0) return { ok: false, errors };
  const deniedEks = new Set(document.deniedEks);
  const version = policyVersion(document, files, { pools, signers });
  return { ok: true, policy: { version, pools, deniedEks } };
}

/** `policy` as it is once the reference values with these names, in whichever pool, may admit nobody. Its version stays: that of its files. */
export function retireReferenceValues(policy: Policy, names: ReadonlySet<string>): Policy {
  const pools = [...policy.pools].map(([name, pool]): [PoolName, EvidencePolicy] => {
    const referenceValues = pool.tpm2.referenceValues.map((set) => ({
      ...set,
      retired: set.retired || names.has(set.name),
    }));
    return [name, { ...pool, tpm2: { ...pool.tpm2, referenceValues } }];
  });
  return { ...policy, pools: new Map(pools) };
}

function evidencePolicy(
  name: PoolName,
  pool: RatedPool,
  resolved: Pick<Tpm2Policy, 'referenceValues' | 'ekAnchors' | 'ima'>,
): EvidencePolicy {
  const { bank, pcrs, boot, allowEkWithoutCertificate, allowSoftwareTpm, onFirmwareChange } = pool.tpm2;
  return {
    pool: name,
    protectionRating: pool.protectionRating,
    admission: pool.admission,
    nameRule: pool.nameRule,
    newNodesPerHour: pool.newNodesPerHour,
    segments: pool.segments,
    acceptClasses: pool.acceptClasses,
    callback: pool.callback && { port: pool.callback.port, timeoutSeconds: pool.callback.timeout },
    ttlSeconds: pool.certificateTtl,
    tpm2: {
      bank,
      pcrs: pcrs.toSorted((a, b) => a - b),
      referencePcrs: referencePcrsOf(pool.tpm2).toSorted((a, b) => a - b),
      referenceValues: resolved.referenceValues,
      ekAnchors: resolved.ekAnchors,
      boot,
      ima: resolved.ima,
      allowEkWithoutCertificate,
      allowSoftwareTpm,
      onFirmwareChange,
    },
    signedMeasurements: pool.signedMeasurements,
    nodeLabels: pool.nodeLabels,
    registerWithTaints: pool.registerWithTaints,
  };
}

/** Paths do not count, only what stands in the files: a policy that moves house is the same policy. */
function policyVersion(
  document: PolicyDocument,
  files: PolicyFiles,
  resolved: { readonly pools: ReadonlyMap<PoolName, EvidencePolicy>; readonly signers: ReferenceSigners },
): string {
  const content: CanonicalValue = {
    deniedEks: document.deniedEks.toSorted(),
    referenceSigners: [...resolved.signers.keys()].toSorted(),
    pools: Object.fromEntries(
      [...resolved.pools].map(([name, { tpm2, ...rest }]): [string, CanonicalValue] => {
        const { referenceValues: paths = [] } = document.pools[name]?.tpm2 ?? {};
        const referenceValues = paths.map((path): CanonicalValue => files.referenceValues.get(path) ?? null);
        const ekAnchors = tpm2.ekAnchors?.fingerprints.toSorted() ?? null;
        return [name, { ...rest, tpm2: { ...tpm2, ima: tpm2.ima?.policy, referenceValues, ekAnchors } }];
      }),
    ),
  };
  return sha256Hex(utf8(canonicalJson(content)));
}
