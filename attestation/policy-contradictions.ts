import type { ProtectionRating } from '#core/node-record.ts';
import type { PoolPolicy } from '#protocol/policy.ts';

import type { PolicyError } from './evidence-policy.ts';
import { IMA_REQUIRED_PCRS } from '#protocol/ima-policy.ts';
import { IMA_PCR } from '#tpm2/ima-log.ts';

import { measuredBootPcrs, referencePcrsOf } from './measured-boot/required-pcrs.ts';
import type { ReferenceValues } from './reference-values.ts';
import { checkSignedMeasurements } from './signed-measurements/policy-contradiction.ts';

/** The longest certificate a rating allows, in seconds: how long a node that has lost its integrity may still pass for sound. */
const MAX_TTL_SECONDS: Readonly<Record<ProtectionRating, number>> = {
  default: 86_400,
  protected: 28_800,
  'highly-protected': 3_600,
};

/** PCRs that any program on the machine can set back (PC Client Platform TPM Profile, PCR attributes). */
const RESETTABLE_PCRS: readonly number[] = [16, 23];

/**
 * Everything in which a pool's policy contradicts its own protection rating or its reference values. `path` is the pool's pointer.
 * An empty list of reference values is no contradiction: it admits nobody.
 */
export function checkPool(pool: PoolPolicy, referenceValues: readonly ReferenceValues[], path: string): PolicyError[] {
  return [
    ...checkRating(pool, path),
    ...checkReferencePcrs(pool, path),
    ...checkIma(pool, path),
    ...checkSignedMeasurements(pool, path),
    ...checkReferenceValues(pool, referenceValues, path),
  ];
}

function checkRating({ protectionRating, certificateTtl, tpm2 }: PoolPolicy, path: string): PolicyError[] {
  const errors: PolicyError[] = [];
  const limit = MAX_TTL_SECONDS[protectionRating];
  if (certificateTtl > limit) {
    errors.push({ path: `${path}/certificateTtl`, detail: `over the ${limit} s that ${protectionRating} allows` });
  }
  if (protectionRating === 'default') return errors;
  if (tpm2.allowSoftwareTpm) {
    errors.push({ path: `${path}/tpm2/allowSoftwareTpm`, detail: `a ${protectionRating} node needs a hardware TPM` });
  }
  if (tpm2.allowEkWithoutCertificate) {
    const detail = `a ${protectionRating} node's EK needs its maker's certificate`;
    errors.push({ path: `${path}/tpm2/allowEkWithoutCertificate`, detail });
  }
  for (const pcr of tpm2.pcrs.filter((index) => RESETTABLE_PCRS.includes(index))) {
    const detail = `PCR ${pcr} can be reset by any program, so it proves nothing about a ${protectionRating} node`;
    errors.push({ path: `${path}/tpm2/pcrs`, detail });
  }
  return errors;
}

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
