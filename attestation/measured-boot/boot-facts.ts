import type { HashName } from '#core/digest.ts';
import type { GptDisk } from '#tpm2/event-log/gpt.ts';

import { readBootApplications, type BootApplicationFact } from './boot-application-facts.ts';
import { readBootDisks } from './boot-disk-facts.ts';
import { readGrubFacts, type GrubFacts, type LoaderFileFact, readLoaderFiles } from './grub-facts.ts';
import { type MokFacts, readMokFacts } from './mok-facts.ts';
import { readSecureBootFacts, type SecureBootFacts } from './secure-boot-facts.ts';
import { readUkiFacts, type UkiFacts } from './uki-facts.ts';
import type { EventLogWarning, ExitBootServices, VerifiedEventLog } from './verified-event-log.ts';

/**
 * What a verified event log proves of a boot. Digests are lower-case hex. A member is undefined where the PCRs that would prove it are not
 * among the verified ones: nothing is known then, which is not the same as nothing having happened. Members whose names start with
 * `unverified` are the log's own words, for people.
 */
export interface BootFacts {
  readonly bank: HashName;
  /** Ascending. */
  readonly pcrs: readonly number[];
  /** PCRs 4 and 7. */
  readonly secureBoot: SecureBootFacts | undefined;
  /** PCRs 7 and 14. */
  readonly mok: MokFacts | undefined;
  /** PCR 4, in order. */
  readonly bootApplications: readonly BootApplicationFact[] | undefined;
  /** PCR 8. */
  readonly grub: GrubFacts | undefined;
  /** PCR 9, in order. */
  readonly loaderFiles: readonly LoaderFileFact[] | undefined;
  /** PCRs 11, 12 and 13. */
  readonly uki: UkiFacts;
  /** PCR 5. */
  readonly exitBootServices: ExitBootServices | undefined;
  /** PCR 5, in order. */
  readonly disks: readonly GptDisk[] | undefined;
  readonly warnings: readonly EventLogWarning[];
}

/** The facts that `log` proves. Only what is bound to a digest goes into one; nothing here compares it with a policy. */
export function bootFacts(log: VerifiedEventLog): BootFacts {
  const bootApplications = readBootApplications(log);
  const grub = readGrubFacts(log);
  const uki = readUkiFacts(log);
  return {
    bank: log.bank,
    pcrs: [...log.pcrs].toSorted((a, b) => a - b),
    secureBoot: readSecureBootFacts(log, bootApplications),
    mok: readMokFacts(log),
    bootApplications,
    grub,
    loaderFiles: readLoaderFiles(log, [...(grub?.commandLines ?? []), ...(uki.commandLines ?? [])]),
    uki,
    exitBootServices: log.exitBootServices,
    disks: readBootDisks(log),
    warnings: log.warnings,
  };
}
