import type { Bytes } from '#core/bytes.ts';
import type { HashName } from '#core/digest.ts';
import { type EventLog, type LogEvent, parseEventLog } from '#tpm2/event-log.ts';
import { EFI_ACTION } from '#tpm2/event-log/efi-action.ts';
import { EVENT_TYPE } from '#tpm2/event-log/event-type.ts';
import { STARTUP_LOCALITY } from '#tpm2/event-log/startup-locality.ts';
import { Tpm2FormatError } from '#tpm2/format-error.ts';

import type { Denial } from '../result.ts';
import { bindEvent } from './bind-event.ts';
import { eventTypeName, isGovernedByLog, mayHaveType } from './event-grammar.ts';
import { actionOf, BOOT_CONFIG_PCR, checkAfterExitBootServices, exitBootServicesLogged } from './exit-boot-services.ts';
import { checkReplay, type ReplayNotes } from './replay-check.ts';
import { readSecureBootEvents, type SecureBootEvents } from './secure-boot-events.ts';
import { checkSeparators, grammarDenial } from './separators.ts';
import type { EventLogWarning, VerifiedEvent, VerifiedEventLog } from './verified-event-log.ts';

export interface EventLogInput {
  /** As the node sent it: /sys/kernel/security/tpm0/binary_bios_measurements. */
  readonly log: Bytes;
  /** The policy's one bank. */
  readonly bank: HashName;
  /** Every PCR the policy covers; those that no firmware log governs (10, and from 15 on) are left to others. */
  readonly policyPcrs: readonly number[];
  /** From a verified quote, lower-case hex by PCR. */
  readonly quotedPcrs: ReadonlyMap<number, string>;
  /** Accept authorities that an old shim logged with a byte too many. False where left out. */
  readonly allowPaddedAuthorities?: boolean | undefined;
}

export type EventLogVerification =
  | { readonly ok: true; readonly log: VerifiedEventLog }
  /** At least one. */
  | { readonly ok: false; readonly denials: readonly Denial[] };

/**
 * Establishes, for every policy PCR that a firmware log governs, and in this order, that
 *  1. the log is well-formed to its last byte, and has digests for the bank;
 *  2. replaying it from the PCR's initial value gives the quoted value, for a PCR without events too;
 *  3. every event is of a type that its PCR may have, and data that by its type's rule is what was hashed, is;
 *  4. separators, Secure Boot variables, actions and the end of the boot come as often and in the order that they must.
 *
 * It does not say that the boot was a good one: that is `bootFacts` and `appraiseBoot`. It says nothing of PCRs outside the policy.
 */
export function verifyEventLog(input: EventLogInput): EventLogVerification {
  if (input.log.byteLength === 0) return refused({ code: 'event-log-empty', detail: 'the event log has no events' });
  try {
    // Views into a Buffer are Buffers, which cost several times as much to make.
    const { buffer, byteOffset, byteLength } = input.log;
    const log = parseEventLog(new Uint8Array(buffer, byteOffset, byteLength));
    const bankDenial = checkBank(log, input.bank);
    return bankDenial === undefined ? verifyParsed(log, input) : refused(bankDenial);
  } catch (error) {
    if (!(error instanceof Tpm2FormatError)) throw error;
    const code = error.what === STARTUP_LOCALITY ? 'event-log-locality' : 'event-log-malformed';
    return refused({ code, found: error.code, detail: error.message });
  }
}

const refused = (...denials: readonly Denial[]): EventLogVerification => ({ ok: false, denials });

function checkBank(log: EventLog, bank: HashName): Denial | undefined {
  const hasBank =
    log.kind === 'legacy-sha1' ? bank === 'sha1' : log.specId.algorithms.some(({ hash }) => hash === bank);
  return hasBank ? undefined : { code: 'event-log-bank-missing', expected: bank, found: log.kind };
}

function verifyParsed(log: EventLog, input: EventLogInput): EventLogVerification {
  const { bank, policyPcrs, quotedPcrs } = input;
  const pcrs = [...new Set(policyPcrs)].filter(isGovernedByLog).toSorted((a, b) => a - b);
  const replay = checkReplay({ log, bank, pcrs, quotedPcrs });
  if (!('bootPhases' in replay)) return refused(...replay);
  const bound = bindEvents(log.events, new Set(pcrs), input);
  if (bound.denials.length > 0) return refused(...bound.denials);
  const { events } = bound;
  const structural = [
    ...pcrs.flatMap((pcr) => checkSeparators(pcr, events.get(pcr) ?? [], bank)),
    ...pcrs.flatMap((pcr) => checkActions(pcr, events.get(pcr) ?? [])),
    ...checkAfterExitBootServices(events),
  ];
  if (structural.length > 0) return refused(...structural);
  const ofPcr7 = events.get(SECURE_BOOT_PCR);
  const secureBoot = ofPcr7 === undefined ? undefined : readSecureBootEvents(ofPcr7);
  if (secureBoot !== undefined && 'code' in secureBoot) return refused(secureBoot);
  return { ok: true, log: verifiedLog({ bank, events, secureBoot, replay, warnings: bound.warnings }) };
}

const SECURE_BOOT_PCR = 7;
const MAX_DENIALS = 16;

interface BoundEvents {
  /** An entry for every PCR to be proven. */
  readonly events: ReadonlyMap<number, readonly VerifiedEvent[]>;
  readonly denials: readonly Denial[];
  readonly warnings: readonly EventLogWarning[];
}

/** The events of `pcrs`, each of a type that its PCR may have, with what its digest binds. */
function bindEvents(logged: readonly LogEvent[], pcrs: ReadonlySet<number>, input: EventLogInput): BoundEvents {
  const events = new Map<number, VerifiedEvent[]>([...pcrs].map((pcr) => [pcr, []]));
  const denials: Denial[] = [];
  const warnings: EventLogWarning[] = [];
  for (const [index, event] of logged.entries()) {
    const { pcr, unverifiedType, unverifiedData } = event;
    const digest = event.digests[input.bank];
    if (unverifiedType === EVENT_TYPE.noAction || digest === undefined || denials.length === MAX_DENIALS) continue;
    const ofPcr = events.get(pcr);
    if (ofPcr === undefined) continue;
    const name = (): string => `event ${index}, ${eventTypeName(unverifiedType)}`;
    if (!mayHaveType(pcr, unverifiedType)) {
      denials.push(grammarDenial(pcr, `not a type of this PCR: ${name()}`));
      continue;
    }
    const binding = bindEvent(event, digest, input.bank);
    if (binding === 'mismatch' || (binding.padded && input.allowPaddedAuthorities !== true)) {
      denials.push({ code: 'event-log-digest-mismatch', pcr, detail: `its data is not what was measured: ${name()}` });
      continue;
    }
    if (binding.padded) warnings.push({ code: 'authority-one-byte-longer', pcr, detail: name() });
    ofPcr.push({ index, pcr, digest, bound: binding.bound, unverifiedType, unverifiedData });
  }
  return { events, denials, warnings };
}

const BOOT_ACTIONS: readonly (string | undefined)[] = [
  EFI_ACTION.callingApplication,
  EFI_ACTION.returningFromApplication,
];
const EXIT_ACTIONS: readonly (string | undefined)[] = [
  EFI_ACTION.exitBootServicesInvocation,
  EFI_ACTION.exitBootServicesFailed,
  EFI_ACTION.exitBootServicesSucceeded,
];
const BOOT_APPLICATION_PCR = 4;

const TEXT = /^[ -~]{1,128}$/;

/**
 * PCRs 4 and 5 have no EV_EFI_ACTION but those of the profile (some firmware has the ones of PCR 4 in PCR 5), and every EV_ACTION in them, of
 * a BIOS, is a line of text: boot code shown as an action would be no image any more.
 */
function checkActions(pcr: number, events: readonly VerifiedEvent[]): readonly Denial[] {
  if (pcr !== BOOT_APPLICATION_PCR && pcr !== BOOT_CONFIG_PCR) return [];
  const known = pcr === BOOT_CONFIG_PCR ? [...BOOT_ACTIONS, ...EXIT_ACTIONS] : BOOT_ACTIONS;
  return events
    .filter((event) => {
      if (event.unverifiedType === EVENT_TYPE.efiAction) return !known.includes(actionOf(event));
      return (
        event.unverifiedType === EVENT_TYPE.action && !TEXT.test(Buffer.from(event.unverifiedData).toString('latin1'))
      );
    })
    .map((event) => grammarDenial(pcr, `not an action of this PCR (event ${event.index})`, actionOf(event)));
}

interface VerifiedParts extends Pick<VerifiedEventLog, 'bank' | 'events' | 'warnings'> {
  readonly secureBoot: SecureBootEvents | undefined;
  readonly replay: ReplayNotes;
}

function verifiedLog({ bank, events, secureBoot, replay, warnings }: VerifiedParts): VerifiedEventLog {
  const ofPcr5 = events.get(BOOT_CONFIG_PCR);
  const logged = ofPcr5 === undefined ? undefined : exitBootServicesLogged(ofPcr5);
  const exitBootServices = replay.leftBootServicesUnlogged ? 'not-logged' : logged;
  const exitWarnings = exitBootServices === undefined ? [] : EXIT_WARNINGS[exitBootServices];
  return {
    bank,
    pcrs: new Set(events.keys()),
    events,
    secureBoot,
    exitBootServices,
    bootPhases: replay.bootPhases,
    warnings: [...warnings, ...exitWarnings],
  };
}

const EXIT_WARNINGS: Readonly<Record<'logged' | 'not-logged' | 'missing', readonly EventLogWarning[]>> = {
  logged: [],
  'not-logged': [
    {
      code: 'exit-boot-services-not-logged',
      pcr: BOOT_CONFIG_PCR,
      detail: 'PCR 5 was extended as by ExitBootServices, but the log was copied before',
    },
  ],
  missing: [
    {
      code: 'exit-boot-services-missing',
      pcr: BOOT_CONFIG_PCR,
      detail: 'nothing tells what firmware measured from what the running system may have added',
    },
  ],
};
