import { request } from 'node:https';

import type { Clock } from '#core/clock.ts';

const TIMEOUT_MS = 5_000;
/** A certificate's backdating, and as much again that `checkIssued` forgives. */
const TOLERATED_BEHIND_MS = 600_000;
/** The longest life of a node certificate: ahead by less, one may still be valid. */
const TOLERATED_AHEAD_MS = 86_400_000;
/** Clocks that are no further apart say the same of a certificate. */
const AGREEING_MS = 60_000;

/** This machine's clock is so far off that no certificate can be used. The message says by how much, without a full stop. */
export class ClockOffError extends Error {
  constructor(theirs: Date, ours: Date) {
    super(
      `this machine’s clock is off, ${renderSkew(theirs, ours)} the service’s (${ours.toISOString()} here, ${theirs.toISOString()} there)`,
    );
    this.name = 'ClockOffError';
  }
}

/** How far `ours` is from `theirs`, such as `90 s ahead of` or `365 days behind`. */
export function renderSkew(theirs: Date, ours: Date): string {
  const seconds = Math.round((ours.getTime() - theirs.getTime()) / 1_000);
  const size = Math.abs(seconds);
  const amount =
    size < 7_200 ? `${size} s` : size < 172_800 ? `${Math.round(size / 3_600)} h` : `${Math.round(size / 86_400)} days`;
  return `${amount} ${seconds > 0 ? 'ahead of' : 'behind'}`;
}

/** Throws ClockOffError where a certificate that the service makes at `theirs` cannot be valid at `ours`. An unknown time is none to judge by. */
export function assertClockServes(theirs: Date | undefined, ours: Date): void {
  if (theirs === undefined) return;
  const aheadMs = ours.getTime() - theirs.getTime();
  if (aheadMs < -TOLERATED_BEHIND_MS || aheadMs > TOLERATED_AHEAD_MS) throw new ClockOffError(theirs, ours);
}

/** The time in a Date header; undefined where there is none that can be read. */
export function dateOf(header: string | undefined): Date | undefined {
  const at = Date.parse(header ?? '');
  return Number.isNaN(at) ? undefined : new Date(at);
}

/**
 * The Date header of an answer to a request that says nothing; undefined if there is none. Without `verify` the time is that of somebody unproven:
 * it may be told to a person, and used for nothing.
 */
export function askForTime(url: URL, ca: string, verify: boolean): Promise<Date | undefined> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method: 'GET',
      ca,
      agent: false,
      minVersion: 'TLSv1.3',
      rejectUnauthorized: verify,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    outgoing.once('error', reject);
    outgoing.once('response', (incoming) => {
      incoming.destroy();
      resolve(dateOf(incoming.headers.date));
    });
    outgoing.end();
  });
}

/** True where a TLS connection failed because of a certificate's validity by this machine's clock. */
export function isAboutTime(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  return code === 'CERT_NOT_YET_VALID' || code === 'CERT_HAS_EXPIRED';
}

/**
 * Throws ClockOffError where `error`, of a TLS connection to `url`, is about a certificate's validity and the service's clock says that ours is to
 * blame. The service is not proven then, so the time is told and not used. Otherwise: what to say in place of the error, or nothing.
 */
export async function blameClock(error: unknown, url: URL, ca: string, now: Clock): Promise<string | undefined> {
  if (!isAboutTime(error)) return undefined;
  const theirs = await askForTime(url, ca, false).catch(() => undefined);
  if (theirs === undefined) return undefined;
  const ours = now();
  assertClockServes(theirs, ours);
  if (Math.abs(ours.getTime() - theirs.getTime()) <= AGREEING_MS)
    return 'its certificate is not valid now, and this machine’s clock is not to blame: it agrees with the service’s';
  return `its certificate is not valid by this machine’s clock, which is ${renderSkew(theirs, ours)} the service’s`;
}
