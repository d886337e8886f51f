import { concatBytes, fromHex, toHex, utf8 } from '#core/bytes.ts';
import { digest, DIGEST_SIZE, type HashName } from '#core/digest.ts';
import { appraiseIma } from '#attestation/measured-boot/ima/appraise-ima.ts';
import { type CompiledImaPolicy, compileImaPolicy } from '#attestation/measured-boot/ima/compile-ima-policy.ts';
import { type ImaInput, type VerifiedIma, verifyIma } from '#attestation/measured-boot/ima/verify-ima.ts';
import type { z } from 'zod';
import { imaPolicySchema } from '#protocol/ima-policy.ts';
import { PcrRegister } from '#tpm2/pcr-register.ts';

import { quotedAfter, GOOD_BOOT } from './boot-log.ts';
import { type BuiltImaRecord, digestField, imaLog, imaNg, nameField, templateData } from './ima-log-builder.ts';

/** A policy as its file would have it. */
export type ImaPolicyText = z.input<typeof imaPolicySchema>;

/** PCRs 0 to 9 of the lab's good boot. */
export const BOOT_PCRS = quotedAfter(GOOD_BOOT);

/** The record that aggregates these PCRs. */
export function bootAggregate(
  pcrs: ReadonlyMap<number, string> = BOOT_PCRS,
  last = 9,
  bank: HashName = 'sha256',
): BuiltImaRecord {
  const values = Array.from({ length: last + 1 }, (_, pcr) => fromHex(pcrs.get(pcr) ?? ''));
  return {
    template: 'ima-ng',
    fields: [digestField(bank, digest(bank, concatBytes(...values))), nameField('boot_aggregate')],
  };
}

export const SHELL = imaNg('/bin/sh', digest('sha256', utf8('shell')));
export const KUBELET = imaNg('/usr/bin/kubelet', digest('sha256', utf8('kubelet')));
export const GOOD_LIST: readonly BuiltImaRecord[] = [bootAggregate(), SHELL, KUBELET];
export const hexOf = (content: string): string => toHex(digest('sha256', utf8(content)));

/** A violation: listed with a template hash of zeros. */
export const violation = (path: string): BuiltImaRecord => ({
  ...imaNg(path, new Uint8Array(32)),
  templateHash: new Uint8Array(20),
});

/** A buffer that was measured, such as a key added to a keyring. */
export const bufferRecord = (name: string, buffer: Uint8Array): BuiltImaRecord => ({
  template: 'ima-buf',
  fields: [digestField('sha256', digest('sha256', buffer)), nameField(name), buffer],
});

/** A file with a signature. */
export const signedRecord = (
  path: string,
  field: Uint8Array,
  signature: Uint8Array,
  template = 'ima-sig',
): BuiltImaRecord => ({
  template,
  fields: [field, nameField(path), signature],
});

/** PCR 10 after the records, from a value or from the boot; lower-case hex. */
export function pcr10After(records: readonly BuiltImaRecord[], start?: string, bank: HashName = 'sha256'): string {
  const register = new PcrRegister(bank, start === undefined ? new Uint8Array(DIGEST_SIZE[bank]) : fromHex(start));
  for (const { fields, templateHash } of records) {
    const isViolation = templateHash?.every((octet) => octet === 0) === true;
    register.extend(isViolation ? new Uint8Array(DIGEST_SIZE[bank]).fill(0xff) : digest(bank, templateData(fields)));
  }
  return toHex(register.value());
}

export const RESET_COUNT = 7;

/** A verification of `records`, all of which PCR 10 proves unless the quote is given. */
export function imaInput(records: readonly BuiltImaRecord[], change: Partial<ImaInput> = {}): ImaInput {
  return {
    log: imaLog(records),
    firstRecord: 0,
    bank: 'sha256',
    quotedPcrs: quotedIma(pcr10After(records)),
    resetCount: RESET_COUNT,
    previous: undefined,
    ...change,
  };
}

/** A quote of the good boot with this PCR 10. */
export const quotedIma = (pcr10: string): ReadonlyMap<number, string> => new Map([...BOOT_PCRS, [10, pcr10]]);

/** The code of the refusal, or what was proven. */
export function imaVerdict(input: ImaInput): string {
  const outcome = verifyIma(input);
  if (!outcome.ok) return outcome.denials.map(({ code }) => code).join();
  return `${outcome.ima.records.length} proven, ${outcome.ima.unproven} not`;
}

export function verifiedIma(input: ImaInput): VerifiedIma {
  const outcome = verifyIma(input);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.denials));
  return outcome.ima;
}

export const GOOD_IMA_POLICY: ImaPolicyText = {
  measurementPolicy: { commandLineTokens: ['ima_policy=tcb'] },
  digests: [`sha256:${hexOf('shell')}`],
  files: { '/usr/bin/kubelet': [`sha256:${hexOf('kubelet')}`] },
};

export function imaPolicy(text: ImaPolicyText): CompiledImaPolicy {
  const compiled = compileImaPolicy(imaPolicySchema.parse(text));
  if ('badKey' in compiled) throw new Error(`key ${compiled.badKey} is none`);
  return compiled;
}

/** The codes of what the policy refuses in `records`, or `accepted`. */
export function imaAppraisal(
  records: readonly BuiltImaRecord[],
  text: ImaPolicyText = GOOD_IMA_POLICY,
): readonly string[] | 'accepted' {
  const ima = verifiedIma(imaInput(records));
  const commandLines = ['/vmlinuz ro ima_policy=tcb'];
  const { results, denials } = appraiseIma({
    ima,
    policy: imaPolicy(text),
    commandLines,
    acceptedBefore: false,
  });
  if (results.every(({ ok }) => ok) !== (denials.length === 0))
    throw new Error('a demand that is not met has a denial');
  return denials.length === 0 ? 'accepted' : denials.map(({ code }) => code);
}
