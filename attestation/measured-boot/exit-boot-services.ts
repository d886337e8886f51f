import { type Bytes, fromHex, utf8 } from '#core/bytes.ts';
import { digest, type HashName } from '#core/digest.ts';
import { EFI_ACTION } from '#tpm2/event-log/efi-action.ts';
import { EVENT_TYPE } from '#tpm2/event-log/event-type.ts';
import { PcrRegister } from '#tpm2/pcr-register.ts';

import type { Denial } from '../result.ts';
import { grammarDenial } from './separators.ts';
import type { ExitBootServices, VerifiedEvent } from './verified-event-log.ts';

/** PCR of how the boot came and went. */
export const BOOT_CONFIG_PCR = 5;
const LAST_FIRMWARE_PCR = 7;

const { exitBootServicesInvocation, exitBootServicesFailed, exitBootServicesSucceeded } = EFI_ACTION;

/** What firmware extends when the loader hands over, where it has not logged it yet or never does. */
const UNLOGGED = [
  [exitBootServicesInvocation, exitBootServicesSucceeded],
  [exitBootServicesInvocation, exitBootServicesFailed, exitBootServicesInvocation, exitBootServicesSucceeded],
];

/**
 * True if PCR 5 is `quoted` once the events of leaving the boot services follow its replayed value. That is the one thing a log may leave
 * out: firmware extends it after handing the log over. No other missing event is ever guessed.
 */
export function leftBootServicesUnlogged(replayed: Bytes, quoted: string, bank: HashName): boolean {
  const wanted = fromHex(quoted);
  return UNLOGGED.some((actions) => {
    const register = new PcrRegister(bank, replayed);
    for (const action of actions) register.extend(digest(bank, utf8(action)));
    return register.equals(wanted);
  });
}

/** The text of an EV_EFI_ACTION event. */
export function actionOf({ unverifiedType, bound }: VerifiedEvent): string | undefined {
  if (unverifiedType !== EVENT_TYPE.efiAction || bound === undefined) return undefined;
  return Buffer.from(bound).toString('latin1');
}

/** `logged` if the boot services were left, and the last thing said of it is that it went well. PCR 5's events in order. */
export function exitBootServicesLogged(events: readonly VerifiedEvent[]): ExitBootServices {
  const actions = events.map(actionOf).filter((action) => action !== undefined);
  const wasInvoked = actions.includes(exitBootServicesInvocation);
  return wasInvoked && actions.at(-1) === exitBootServicesSucceeded ? 'logged' : 'missing';
}

const AFTER: readonly (string | undefined)[] = [
  exitBootServicesInvocation,
  exitBootServicesFailed,
  exitBootServicesSucceeded,
];

/**
 * Nothing in PCRs 0 to 7 follows the first invocation of ExitBootServices but how it and further ones ended. Across PCRs the log's order
 * proves nothing, so that this finds what a running system appended openly; that a boot application is one the policy knows is what finds
 * the rest.
 */
export function checkAfterExitBootServices(events: ReadonlyMap<number, readonly VerifiedEvent[]>): readonly Denial[] {
  const invoked = events.get(BOOT_CONFIG_PCR)?.find((event) => actionOf(event) === exitBootServicesInvocation);
  if (invoked === undefined) return [];
  const denials: Denial[] = [];
  for (const [pcr, ofPcr] of events) {
    if (pcr > LAST_FIRMWARE_PCR) continue;
    const late = ofPcr.find(
      (event) => event.index > invoked.index && !(pcr === BOOT_CONFIG_PCR && AFTER.includes(actionOf(event))),
    );
    if (late !== undefined) denials.push(grammarDenial(pcr, `event ${late.index} comes after ExitBootServices`));
  }
  return denials;
}
