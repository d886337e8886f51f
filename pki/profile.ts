import type { Branded } from '#core/brand.ts';

/** What may be set about a profile. `kubelet-client` is the only one there is. */
export interface ProfileConfig {
  readonly name: 'kubelet-client';
  /** The longest lifetime that will be signed, inclusive of the last second: 900 to 86,400. */
  readonly maxTtlSeconds: number;
}

/** Limits of the certificates that an issuer signs. Made by `createProfile` alone. */
export type Profile = Branded<ProfileConfig, 'Profile'>;

/** A certificate's validity, both ends whole seconds and both ends inside it (RFC 5280 §4.1.2.5). */
export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Shortest lifetime of a node's certificate: three times the backdate. */
export const MIN_TTL_SECONDS = 900;
/** Longest lifetime of a node's certificate. */
export const MAX_TTL_SECONDS = 86_400;
/** How far notBefore lies before the time of issue, in every certificate, so that whose clock is behind accepts it all the same. */
export const BACKDATE_SECONDS = 300;

/** The profile of `config`. Throws RangeError on a limit outside 15 minutes to 24 hours. */
export function createProfile(config: ProfileConfig): Profile {
  assertTtl(config.maxTtlSeconds, MAX_TTL_SECONDS);
  return Object.freeze({ name: config.name, maxTtlSeconds: config.maxTtlSeconds }) as Profile;
}

/**
 * The validity of a certificate issued at `now` for `ttlSeconds`. The lifetime counts everything the certificate says, the backdate
 * and the last second included: notAfter − notBefore + 1 s is `ttlSeconds` exactly. Throws RangeError on a TTL outside the profile.
 */
export function leafValidity(profile: Profile, ttlSeconds: number, now: Date): Validity {
  assertTtl(ttlSeconds, profile.maxTtlSeconds);
  return validityFrom(now, ttlSeconds);
}

/** `lifetimeSeconds` seconds, the last one included, from `BACKDATE_SECONDS` before the second that `now` is in. */
export function validityFrom(now: Date, lifetimeSeconds: number): Validity {
  const start = Math.floor(now.getTime() / 1_000) - BACKDATE_SECONDS;
  return { notBefore: new Date(start * 1_000), notAfter: new Date((start + lifetimeSeconds - 1) * 1_000) };
}

function assertTtl(seconds: number, max: number): void {
  const isWithin = Number.isInteger(seconds) && seconds >= MIN_TTL_SECONDS && seconds <= max;
  if (!isWithin) throw new RangeError(`certificate lifetime must be ${MIN_TTL_SECONDS} to ${max} seconds`);
}
