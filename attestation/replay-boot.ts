import type { RecordedJoin } from '#protocol/joins.ts';

import type { EvidencePolicy, Policy } from './evidence-policy.ts';
import { appraiseBoot } from './measured-boot/appraise-boot.ts';
import { recordedBootFacts } from './measured-boot/boot-record.ts';
import { capturedBootPolicy } from './measured-boot/captured-boot-policy.ts';
import type { FactResult } from './measured-boot/fact-result.ts';
import type { Denial, DenialCode } from './result.ts';

type RecordedEvidence = NonNullable<RecordedJoin['evidence']>;

/** What a pool's demands on boot and files make of a join that is on record. */
export interface BootReplay {
  /** Each demand on the boot beside the recorded facts; none where there are no facts or no demands. */
  readonly checks: readonly FactResult[];
  readonly denials: readonly Denial[];
  /** False where the pool has demands that the record cannot answer. */
  readonly isKnown: boolean;
  /** True of recorded denials that do not stand: of demands that were judged again here, or cannot be, or that nobody makes now. */
  readonly isRejudged: (code: string) => boolean;
}

/**
 * Judges the recorded facts of the boot under the demands of `pool`. IMA lists are not on record: where the pool asks for one, it is known only
 * what the very same policy made of it then.
 */
export function replayBoot(
  join: RecordedJoin,
  evidence: RecordedEvidence,
  pool: EvidencePolicy,
  policy: Policy,
): BootReplay {
  const { boot, ima } = pool.tpm2;
  const isSame = join.policyVersion === policy.version;
  const facts = evidence.boot && recordedBootFacts(evidence.boot);
  // A log that was taken with such an authority would be refused whole.
  const isPadded = facts?.warnings.some(({ code }) => code === 'authority-one-byte-longer') === true;
  const isBootKnown = boot === undefined || (facts !== undefined && (boot.allowPaddedAuthorities || !isPadded));
  const { results: checks, denials } =
    boot === undefined || facts === undefined ? { results: [], denials: [] } : appraiseBoot(facts, boot);
  return {
    checks,
    denials,
    isKnown: isBootKnown && (ima === undefined || isSame),
    isRejudged: (code) => (isBootCode(code) && isBootKnown) || (code.startsWith('ima-') && !isSame),
  };
}

/**
 * What the recorded facts of a boot show, whatever was demanded of it: each fact with what was found. Empty where none are on record.
 */
export function shownBoot({ boot }: RecordedEvidence): readonly FactResult[] {
  const facts = boot && recordedBootFacts(boot);
  return facts === undefined ? [] : appraiseBoot(facts, capturedBootPolicy(facts)).results.filter(({ ok }) => ok);
}

const BOOT_CODES: readonly DenialCode[] = [
  'boot-fact-not-verified',
  'secure-boot-not-proven',
  'boot-authority-refused',
  'dbx-outdated',
  'boot-application-revoked',
  'sbat-outdated',
  'mok-refused',
  'dma-protection-disabled',
  'exit-boot-services-missing',
  'boot-application-refused',
  'kernel-refused',
  'command-line-refused',
  'grub-command-refused',
  'loader-file-refused',
  'initrd-refused',
  'uki-refused',
];

const isBootCode = (code: string): boolean => BOOT_CODES.some((known) => known === code);
