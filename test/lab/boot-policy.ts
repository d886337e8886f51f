import { sha256Hex } from '#core/digest.ts';
import type { z } from 'zod';
import { appraiseBoot } from '#attestation/measured-boot/appraise-boot.ts';
import { bootFacts } from '#attestation/measured-boot/boot-facts.ts';
import type { EventLogInput } from '#attestation/measured-boot/verify-event-log.ts';
import { type MeasuredBootPolicy, measuredBootPolicySchema } from '#protocol/measured-boot-policy.ts';

import { CERT, COMMAND_LINE, fileDigest, imageDigest, REVOKED_IMAGE, verifiedBoot } from './boot-log.ts';
import type { BuiltEvent } from './event-log-builder.ts';

/** A policy as its file would have it. */
export type PolicyText = z.input<typeof measuredBootPolicySchema>;

/** Every demand that a policy can make of a GRUB boot, as the lab's good boot meets them. */
export const GOOD_POLICY: PolicyText = {
  authorities: [sha256Hex(CERT.db), sha256Hex(CERT.vendor)],
  dbxIncludes: [Buffer.from(REVOKED_IMAGE).toString('hex')],
  dbxMinimumEntries: 1,
  sbatAtLeast: { date: '2025021800', generations: { shim: 4, grub: 5 } },
  mok: 'empty',
  bootApplications: { stages: [[imageDigest('shim')], [imageDigest('grub')]] },
  kernelDigests: [imageDigest('kernel')],
  commandLines: { exact: [COMMAND_LINE] },
  grubCommands: ['set timeout=0', `linux ${COMMAND_LINE}`],
  loaderFiles: [fileDigest('grub.cfg'), fileDigest('vmlinuz')],
  initrdDigests: [fileDigest('initrd')],
};

export const bootPolicy = (text: PolicyText): MeasuredBootPolicy => measuredBootPolicySchema.parse(text);

/** The facts that a policy refuses a boot for, with the code of each, or `accepted`. */
export function bootVerdict(
  events: readonly BuiltEvent[],
  policy: PolicyText = GOOD_POLICY,
  change: Partial<EventLogInput> = {},
): readonly string[] | 'accepted' {
  const facts = bootFacts(verifiedBoot(events, change));
  const { results, denials } = appraiseBoot(facts, bootPolicy(policy));
  const failed = results.filter(({ ok }) => !ok);
  if (failed.length !== denials.length) throw new Error('a demand that is not met has a denial');
  return denials.length === 0 ? 'accepted' : failed.map(({ fact, code }) => `${fact}: ${code}`);
}
