import type { ImaDemands } from '#protocol/ima-demands.ts';
import type { RecordedJoin } from '#protocol/joins.ts';

import type { EvidencePolicy, Policy } from './evidence-policy.ts';
import { appraiseBoot } from './measured-boot/appraise-boot.ts';
import { recordedBootFacts } from './measured-boot/boot-record.ts';
import { capturedBootPolicy } from './measured-boot/captured-boot-policy.ts';
import type { FactResult } from './measured-boot/fact-result.ts';
import { narrowedImaPolicy } from './measured-boot/ima/narrowed-ima-policy.ts';
import type { Denial, DenialCode } from './result.ts';

type RecordedEvidence = NonNullable<RecordedJoin['evidence']>;

/** What a pool's demands on boot and files make of a join that is on record. */
export interface BootReplay {
  /** Each demand on the boot beside the recorded facts; none where there are no facts or no demands. */
  readonly checks: readonly FactResult[];
  readonly denials: readonly Denial[];
  /** False where the pool has demands that the record cannot answer. */
  readonly isKnown: boolean;
  /** Why it is not known what the pool's demands make of the IMA list, where that can be said. */
  readonly doubts: readonly string[];
  /** True of recorded denials that do not stand: of demands that were judged again here, or cannot be, or that nobody makes now. */
  readonly isRejudged: (code: string) => boolean;
}

/**
 * Judges the recorded facts of the boot under the demands of `pool`. IMA lists are not on record: where the pool asks for one, it is known only
 * what the very same policy made of it then, and that what `precedent` accepted is accepted by demands that are no narrower.
 */
export function replayBoot(
  join: RecordedJoin,
  evidence: RecordedEvidence,
  pool: EvidencePolicy,
  policy: Policy,
  precedent?: ImaDemands,
): BootReplay {
  const { boot } = pool.tpm2;
  const ima = replayIma(join, pool, policy, precedent);
  const facts = evidence.boot && recordedBootFacts(evidence.boot);
  // A log that was taken with such an authority would be refused whole.
  const isPadded = facts?.warnings.some(({ code }) => code === 'authority-one-byte-longer') === true;
  const isBootKnown = boot === undefined || (facts !== undefined && (boot.allowPaddedAuthorities || !isPadded));
  const { results: checks, denials } =
    boot === undefined || facts === undefined ? { results: [], denials: [] } : appraiseBoot(facts, boot);
  return {
    checks,
    denials,
    isKnown: isBootKnown && ima.isKnown,
    doubts: ima.doubts,
    isRejudged: (code) => (isBootCode(code) && isBootKnown) || (code.startsWith('ima-') && !ima.stands),
  };
}

interface ImaReplay extends Pick<BootReplay, 'isKnown' | 'doubts'> {
  /** What was said of the list then is what the pool's demands say. */
  readonly stands: boolean;
}

function replayIma(
  join: RecordedJoin,
  { pool, tpm2: { ima } }: EvidencePolicy,
  policy: Policy,
  precedent: ImaDemands | undefined,
): ImaReplay {
  if (join.policyVersion === policy.version) return { isKnown: true, doubts: [], stands: true };
  if (ima === undefined) return { isKnown: true, doubts: [], stands: false };
  const was = join.policyVersion === precedent?.policyVersion ? precedent?.pools[pool] : undefined;
  const wasAccepted = join.denials.every(({ code }) => !code.startsWith('ima-'));
  if (was === undefined || !wasAccepted) return { isKnown: false, doubts: [], stands: false };
  const doubts = narrowedImaPolicy(was, ima.policy);
  return { isKnown: doubts.length === 0, doubts, stands: false };
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
