import { type Bytes, fromHex, toHex } from '#core/bytes.ts';
import { digest, type HashName } from '#core/digest.ts';
import { EVENT_TYPE } from '#tpm2/event-log/event-type.ts';

import type { Denial } from '../result.ts';
import { eventTypeName } from './event-grammar.ts';
import { sameBytes } from './same-bytes.ts';
import type { VerifiedEvent } from './verified-event-log.ts';

/** The last PCR that firmware draws a line under. */
const LAST_PCR = 7;

/** UEFI's, and that of BIOSes (PC Client Platform Firmware Profile §10.4.1); 00000001 says that the firmware failed. */
const GOOD = ['00000000', 'ffffffff'];
const FAILED = '00000001';

const separatorDigests = (bank: HashName): readonly Bytes[] =>
  [...GOOD, FAILED].map((value) => digest(bank, fromHex(value)));
const SEPARATOR_DIGESTS: Readonly<Record<HashName, readonly Bytes[]>> = {
  sha1: separatorDigests('sha1'),
  sha256: separatorDigests('sha256'),
  sha384: separatorDigests('sha384'),
  sha512: separatorDigests('sha512'),
};

/**
 * What is wrong with the separators of `pcr`: exactly one with the data of a boot that went well, and no event of another type with a
 * separator's digest, which would be a separator in disguise. In PCR 0 such digests occur by chance, of measured parts of firmware that are
 * four zero bytes, and nothing rests on the place of its separator. PCRs after 7 have no rule.
 */
export function checkSeparators(pcr: number, events: readonly VerifiedEvent[], bank: HashName): readonly Denial[] {
  if (pcr > LAST_PCR) return [];
  const separators = events.filter(({ unverifiedType }) => unverifiedType === EVENT_TYPE.separator);
  const denials = separators.flatMap(({ bound, index }) => {
    const value = toHex(bound ?? new Uint8Array());
    if (GOOD.includes(value)) return [];
    const what = value === FAILED ? 'the firmware reports an error' : 'not a separator’s data';
    return [grammarDenial(pcr, `${what} (event ${index})`, value)];
  });
  if (separators.length !== 1) denials.push(grammarDenial(pcr, 'not exactly one separator', `${separators.length}`));
  return pcr === 0 ? denials : [...denials, ...disguised(pcr, events, bank)];
}

function disguised(pcr: number, events: readonly VerifiedEvent[], bank: HashName): readonly Denial[] {
  const digests = SEPARATOR_DIGESTS[bank];
  return events
    .filter(
      (event) =>
        event.unverifiedType !== EVENT_TYPE.separator && digests.some((value) => sameBytes(value, event.digest)),
    )
    .map(({ index, unverifiedType }) =>
      grammarDenial(pcr, `a separator’s digest (event ${index})`, eventTypeName(unverifiedType)),
    );
}

/** A denial for an event that may not stand where it does. */
export function grammarDenial(pcr: number, detail: string, found?: string): Denial {
  return { code: 'event-log-grammar', pcr, found, detail };
}
