import { type Bytes, equalBytes, toHex } from '#core/bytes.ts';
import { digest, type HashName } from '#core/digest.ts';
import { GUID } from '#tpm2/event-log/efi-guid.ts';
import { EVENT_TYPE } from '#tpm2/event-log/event-type.ts';

import type { Authority } from './authority.ts';
import { emptyMokList, vendorMokList } from './mok-list.ts';
import type { VerifiedEvent, VerifiedEventLog } from './verified-event-log.ts';

/**
 * What shim measured of its Machine Owner Keys. `absent`: PCRs 7 and 14 have nothing of shim's, so that none ran, or one too old to tell.
 * Otherwise `list` is `empty` if shim's list holds nothing but what its vendor built in, as far as PCR 7 shows that to be so.
 */
export type MokFacts =
  | { readonly kind: 'absent' }
  | {
      readonly kind: 'measured';
      readonly list: 'empty' | 'other' | 'not-measured';
      /** Of the list's contents, in the log's bank. */
      readonly listDigest: string | undefined;
      /** True if shim was told not to verify what it loads, or may have been: an event says so, or is none that shim has. */
      readonly validationDisabled: boolean;
      /** PCR 14's events in order: digests and what the log calls them. */
      readonly measurements: readonly MokMeasurement[];
    };

export interface MokMeasurement {
  readonly digest: string;
  readonly unverifiedName: string;
}

const MOK_PCR = 14;
const LIST = 'MokList';

/**
 * The names in PCR 14 that leave shim verifying. Names are not proven, so that any other, and any that comes twice, may be MokSBState, which
 * tells shim not to verify. (A shim that never measures MokListTrusted, as before 15.5, can have MokSBState shown under that name: the
 * policy's digest of the shim itself excludes those.)
 */
const HARMLESS: readonly string[] = [LIST, 'MokListX', 'MokListTrusted'];

/** What PCRs 7 and 14 say of MOKs. Undefined unless both are verified. */
export function readMokFacts({ bank, events, secureBoot }: VerifiedEventLog): MokFacts | undefined {
  const ofPcr = events.get(MOK_PCR);
  if (ofPcr === undefined || secureBoot === undefined) return undefined;
  const { authorities, shimDatabases } = secureBoot;
  const list = shimDatabases.find(({ name }) => name === LIST);
  const hasShim = authorities.some(({ guid }) => guid === GUID.shimLock) || list !== undefined;
  if (ofPcr.length === 0 && !hasShim) return { kind: 'absent' };
  const measurements = ofPcr.map((event) => ({ digest: toHex(event.digest), unverifiedName: nameOf(event) }));
  const names = measurements.map(({ unverifiedName }) => unverifiedName);
  const listDigest = list === undefined ? listDigestIn(ofPcr) : digest(bank, list.data);
  return {
    kind: 'measured',
    list: listDigest === undefined ? 'not-measured' : isEmptyList(listDigest, authorities, bank) ? 'empty' : 'other',
    listDigest: listDigest === undefined ? undefined : toHex(listDigest),
    validationDisabled: new Set(names).size !== names.length || names.some((name) => !HARMLESS.includes(name)),
    measurements,
  };
}

/** Shim measures MokList before anything else in PCR 14. */
function listDigestIn([first]: readonly VerifiedEvent[]): Bytes | undefined {
  return first !== undefined && nameOf(first) === LIST ? first.digest : undefined;
}

function nameOf({ unverifiedType, unverifiedData }: VerifiedEvent): string {
  if (unverifiedType !== EVENT_TYPE.ipl) return '';
  return Buffer.from(unverifiedData).toString('latin1').replace(/\0$/, '');
}

/** The list is shim's placeholder for none, or its vendor's certificate, which authorised what shim loaded. */
function isEmptyList(listDigest: Bytes, authorities: readonly Authority[], bank: HashName): boolean {
  const isListed = (list: Bytes): boolean => equalBytes(digest(bank, list), listDigest);
  return (
    isListed(emptyMokList()) ||
    isListed(new Uint8Array()) ||
    authorities.some(
      ({ guid, content }) =>
        guid === GUID.shimLock && content.kind === 'certificate' && isListed(vendorMokList(content.der)),
    )
  );
}
