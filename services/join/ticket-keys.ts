import { type Bytes, concatBytes, fromHex, toHex, utf8 } from '#core/bytes.ts';
import { sha256 } from '#core/digest.ts';
import type { SealingKey, SealingKeys } from '#core/sealing.ts';
import { Secret } from '#core/secret.ts';

/** One line of a ticket key file. */
export interface DatedKey {
  readonly key: SealingKey;
  /** Undefined, and of the first line of no meaning: since always. */
  readonly sealsFrom: Date | undefined;
}

const LABEL = utf8('muster-ticket-v1\0');
const KEY_BYTES = 32;
const KEY_ID_BYTES = 8;
const LINE = /^(?<hex>[0-9a-f]{64})(?: (?<from>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ))?$/;
/** Keys in one file: one that seals, one that is about to, and those before that nobody took out. */
const KEYS_MAX = 8;
/**
 * What a key sealed is opened for so long after the next one's time: longer than anything lives that is sealed (a ticket one minute, a demand for
 * a second factor two), and three minutes for replicas whose clocks differ.
 */
export const OPENS_AFTER_MS = 300_000;

/**
 * The keys in a ticket key file: on each line 64 characters of lower-case hex, then, but on the first, a space and the second from which it seals,
 * in UTC, later than that of the line before. Throws RangeError on anything else.
 */
export function parseTicketKeys(file: Bytes): readonly DatedKey[] {
  const lines = Buffer.from(file).toString('latin1').replace(/\n$/, '').split('\n');
  if (lines.length > KEYS_MAX) throw new RangeError(`at most ${KEYS_MAX} keys`);
  const keys = lines.map(parseLine);
  for (const [index, { sealsFrom }] of keys.entries()) {
    const before = keys[index - 1];
    if (before === undefined) continue;
    if (sealsFrom === undefined || (before.sealsFrom ?? 0) >= sealsFrom)
      throw new RangeError('keys are in order of time');
  }
  if (new Set(keys.map(({ key }) => toHex(key.id))).size !== keys.length) throw new RangeError('a key twice');
  return keys;
}

function parseLine(line: string): DatedKey {
  const { hex, from } = LINE.exec(line)?.groups ?? {};
  if (hex === undefined) throw new RangeError('a ticket key is 32 bytes in hex');
  const sealsFrom = from === undefined ? undefined : new Date(from);
  if (Number.isNaN(sealsFrom?.getTime())) throw new RangeError('no such second');
  return { key: ticketKey(fromHex(hex)), sealsFrom };
}

/** The key over 32 secret bytes. */
export function ticketKey(secret: Bytes): SealingKey {
  if (secret.byteLength !== KEY_BYTES) throw new RangeError('a ticket key is 32 bytes');
  return { id: sha256(concatBytes(LABEL, secret)).subarray(0, KEY_ID_BYTES), secret: new Secret(secret) };
}

/** The keys that are not behind one that has sealed for `OPENS_AFTER_MS`. Never empty for keys that were parsed. */
export const usableKeys = (keys: readonly DatedKey[], at: Date): readonly DatedKey[] =>
  keys.filter((_, index) => {
    const next = keys[index + 1]?.sealsFrom;
    return next === undefined || at.getTime() < next.getTime() + OPENS_AFTER_MS;
  });

/**
 * What the keys are for at each moment: the latest whose time has come seals; it opens what it sealed, and so do one whose time is to come, which
 * a replica with a faster clock may use already, and one before for as long as anything lives that it sealed.
 */
export const sealingKeys = (keysNow: () => readonly DatedKey[]): SealingKeys => ({
  sealing: (at) => {
    const [first, ...others] = keysNow();
    if (first === undefined) throw new Error('there is a ticket key');
    return (others.findLast(({ sealsFrom }) => sealsFrom !== undefined && sealsFrom <= at) ?? first).key;
  },
  opening: (at) => usableKeys(keysNow(), at).map(({ key }) => key),
});

/** A ticket key file with these keys. */
export const writeTicketKeys = (keys: readonly DatedKey[]): Bytes =>
  utf8(
    keys
      .map(({ key, sealsFrom }) => {
        const hex = toHex(key.secret.reveal());
        return sealsFrom === undefined ? `${hex}\n` : `${hex} ${sealsFrom.toISOString().replace(/\.\d+Z$/, 'Z')}\n`;
      })
      .join(''),
  );
