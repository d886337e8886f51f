import type { PoolPolicy } from '#protocol/policy.ts';

import type { PolicyError } from './evidence-policy.ts';
import { IMA_REQUIRED_PCRS } from '#protocol/ima-policy.ts';
import { IMA_PCR } from '#tpm2/ima-log.ts';

import { measuredBootPcrs, referencePcrsOf } from './measured-boot/required-pcrs.ts';
import { RATING_KEY, type RatedPool } from './protection-rating.ts';
import { checkRating } from './rating-demands.ts';
import type { ReferenceValues } from './reference-values.ts';
import { checkSignedMeasurements } from './signed-measurements/policy-contradiction.ts';

/**
 * Everything in which a pool's policy contradicts its protection rating, its reference values, or what a kubelet may do. `path` is the pool's pointer.
 * An empty list of reference values is no contradiction: it admits nobody.
 */
export function checkPool(pool: RatedPool, referenceValues: readonly ReferenceValues[], path: string): PolicyError[] {
  return [
    ...checkRating(pool, path),
    ...checkLabels(pool, path),
    ...checkReferencePcrs(pool, path),
    ...checkIma(pool, path),
    ...checkSignedMeasurements(pool, path),
    ...checkReferenceValues(pool, referenceValues, path),
  ];
}

/** Labels that the API server takes from no kubelet: a node that asked for one could not register. And the rating's taint is not the pool's. */
function checkLabels({ nodeLabels, registerWithTaints }: PoolPolicy, path: string): PolicyError[] {
  const labels = Object.keys(nodeLabels).filter((key) => RESTRICTED.test(key));
  const taints = registerWithTaints.flatMap(({ key }, index) => (key === RATING_KEY ? [index] : []));
  return [
    ...labels.map((key) => ({
      path: `${path}/nodeLabels`,
      detail: `${key}: no kubelet may set such a label (NodeRestriction), expected another prefix`,
    })),
    ...taints.map((index) => ({
      path: `${path}/registerWithTaints/${index}/key`,
      detail: 'the taint of the protection rating is set by the rating',
    })),
  ];
}

const RESTRICTED = /^(?:[^/]+\.)?node-restriction\.kubernetes\.io\//;

/** Every PCR that is quoted must be judged by something, its value or a demand on the boot; and a demand needs its PCRs quoted. */
function checkReferencePcrs({ tpm2 }: PoolPolicy, path: string): PolicyError[] {
  const { pcrs, boot, ima } = tpm2;
  const referencePcrs = referencePcrsOf(tpm2);
  const judgedByBoot = boot === undefined ? [] : measuredBootPcrs(boot);
  const judgedByIma = ima === undefined ? [] : [IMA_PCR];
  const notIn = (pcrsOfInterest: readonly number[], ...covering: readonly (readonly number[])[]): readonly number[] =>
    pcrsOfInterest.filter((pcr) => !covering.flat().includes(pcr));
  const fault = (member: string, detail: string): PolicyError => ({ path: `${path}/tpm2/${member}`, detail });
  return [
    ...notIn(referencePcrs, pcrs).map((pcr) =>
      fault('referencePcrs', `PCR ${pcr} is not among pcrs, so no quote covers it`),
    ),
    ...notIn(judgedByBoot, pcrs).map((pcr) => fault('boot', `its demands need PCR ${pcr} among pcrs`)),
    ...notIn(pcrs, referencePcrs, judgedByBoot, judgedByIma).map((pcr) =>
      fault('referencePcrs', `nothing judges PCR ${pcr}: it needs a reference value, or a demand in boot`),
    ),
  ];
}

/** An IMA list needs the PCRs that prove it, and a demand on it needs what it is looked up in. */
function checkIma({ tpm2 }: PoolPolicy, path: string): PolicyError[] {
  const { pcrs, boot, ima } = tpm2;
  if (ima === undefined) return [];
  const errors: PolicyError[] = [];
  const missing = IMA_REQUIRED_PCRS.filter((pcr) => !pcrs.includes(pcr));
  if (missing.length > 0) {
    const detail = `PCRs ${list(missing)} are not among pcrs: PCR 10 proves the list, and its first record aggregates PCRs 0 to 9`;
    errors.push({ path: `${path}/tpm2/ima`, detail });
  }
  if (tpm2.referencePcrs?.includes(IMA_PCR) === true) {
    const detail = `PCR ${IMA_PCR} has another value with each file that is read; ima judges it`;
    errors.push({ path: `${path}/tpm2/referencePcrs`, detail });
  }
  const { commandLineTokens, files } = ima.measurementPolicy;
  const at = `${path}/tpm2/ima/measurementPolicy`;
  const provesCommandLine = boot !== undefined && COMMAND_LINE_PCRS.every((pcr) => pcrs.includes(pcr));
  if (Object.keys(files).length > 0) return errors;
  if (commandLineTokens.length === 0) {
    const detail = 'empty: expected commandLineTokens or files, for nothing else says what the kernel measures';
    errors.push({ path: at, detail });
  } else if (!provesCommandLine) {
    const detail = `nothing proves the command line: expected boot, and PCRs ${list(COMMAND_LINE_PCRS)} among pcrs; or files`;
    errors.push({ path: `${at}/commandLineTokens`, detail });
  }
  return errors;
}

/** GRUB measures the kernel's command line into the one, systemd-stub into the other; both must be known for there to be one line. */
const COMMAND_LINE_PCRS: readonly number[] = [8, 12];

function checkReferenceValues({ tpm2 }: PoolPolicy, sets: readonly ReferenceValues[], path: string): PolicyError[] {
  const errors: PolicyError[] = [];
  const at = `${path}/tpm2/referenceValues`;
  const demanded = list(referencePcrsOf(tpm2));
  const hexLength = { sha256: 64, sha384: 96 }[tpm2.bank];
  const names = new Set<string>();
  for (const set of sets) {
    if (names.has(set.name)) errors.push({ path: at, detail: `two sets are named "${set.name}"` });
    names.add(set.name);
    if (set.bank !== tpm2.bank) {
      errors.push({ path: at, detail: `"${set.name}" is of bank ${set.bank}, the pool's is ${tpm2.bank}` });
    }
    const covered = list([...set.pcrs.keys()]);
    if (covered !== demanded) {
      errors.push({ path: at, detail: `"${set.name}" covers PCRs ${covered}, the pool demands ${demanded}` });
    }
    if ([...set.pcrs.values()].some((value) => value.length !== hexLength)) {
      errors.push({ path: at, detail: `"${set.name}" has a value that is not a ${tpm2.bank} digest` });
    }
  }
  return errors;
}

const list = (pcrs: readonly number[]): string => pcrs.toSorted((a, b) => a - b).join(',') || 'none';
