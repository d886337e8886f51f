import type { Bytes } from '#core/bytes.ts';
import type { HashName } from '#core/digest.ts';

import type { SecureBootEvents } from './secure-boot-events.ts';

/** One event of a PCR whose replay gave the quoted value. */
export interface VerifiedEvent {
  /** Place in the log, which proves nothing: only the order within one PCR is proven. */
  readonly index: number;
  readonly pcr: number;
  /** Proven, at this place among its PCR's events. */
  readonly digest: Bytes;
  /** What `digest` is the digest of, where the log has it: proven. By the event's type it is all or part of the data, or nothing. */
  readonly bound: Bytes | undefined;
  /** No digest covers an event's type. */
  readonly unverifiedType: number;
  readonly unverifiedData: Bytes;
}

/**
 * Whether the log ends as a boot does: `logged`; `not-logged`, where PCR 5 was extended so but the log was copied before; or `missing`, and
 * then what an operating system extends later looks as if firmware had.
 */
export type ExitBootServices = 'logged' | 'not-logged' | 'missing';

/** Something in a verified log that an administrator should know of. */
export interface EventLogWarning {
  readonly code: 'exit-boot-services-not-logged' | 'exit-boot-services-missing' | 'authority-one-byte-longer';
  readonly pcr: number;
  readonly detail: string;
}

/** A firmware event log that `verifyEventLog` accepted. */
export interface VerifiedEventLog {
  readonly bank: HashName;
  /** The PCRs it proves: the policy's, as far as a firmware log governs them. Nothing is said of any other. */
  readonly pcrs: ReadonlySet<number>;
  /** By PCR, in their proven order; EV_NO_ACTION events are left out, for they extend nothing. */
  readonly events: ReadonlyMap<number, readonly VerifiedEvent[]>;
  /** What PCR 7 says; undefined if the policy does not cover PCR 7. */
  readonly secureBoot: SecureBootEvents | undefined;
  /** Undefined if the policy does not cover PCR 5. */
  readonly exitBootServices: ExitBootServices | undefined;
  /** Phases of the boot that systemd extended into PCR 11 after the log's events, in order. */
  readonly bootPhases: readonly string[];
  readonly warnings: readonly EventLogWarning[];
}
