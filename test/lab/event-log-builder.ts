import { concatBytes, utf8 } from '#core/bytes.ts';
import { digest, DIGEST_SIZE, type HashName } from '#core/digest.ts';
import { algOfHash } from '#tpm2/constants.ts';
import { EVENT_TYPE } from '#tpm2/event-log/event-type.ts';

/** One event to be written; the digests are those of `data` unless given. */
export interface BuiltEvent {
  readonly pcr: number;
  readonly type: number;
  readonly data: Uint8Array;
  readonly digests?: readonly (readonly [alg: number, digest: Uint8Array])[];
}

const NO_DIGEST = new Uint8Array(20);

/** A little-endian number of `size` bytes. */
export function littleEndian(value: number, size: 1 | 2 | 4 | 8): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(value);
  return bytes.subarray(0, size);
}

/** TCG_EfiSpecIDEvent; `algorithms` are TPM_ALG_ID and digest size. */
export function specIdEvent(
  algorithms: readonly (readonly [alg: number, size: number])[],
  override: { readonly major?: number; readonly uintnSize?: number; readonly vendorInfo?: Uint8Array } = {},
): Uint8Array {
  const { major = 2, uintnSize = 2, vendorInfo = new Uint8Array() } = override;
  return concatBytes(
    utf8('Spec ID Event03\0'),
    littleEndian(0, 4),
    Buffer.of(0, major, 0, uintnSize),
    littleEndian(algorithms.length, 4),
    ...algorithms.map(([alg, size]) => concatBytes(littleEndian(alg, 2), littleEndian(size, 2))),
    Buffer.of(vendorInfo.byteLength),
    vendorInfo,
  );
}

/** TCG_PCR_EVENT. */
export function sha1Record({ pcr, type, data }: BuiltEvent, sha1: Uint8Array = digest('sha1', data)): Uint8Array {
  return concatBytes(littleEndian(pcr, 4), littleEndian(type, 4), sha1, littleEndian(data.byteLength, 4), data);
}

/** TCG_PCR_EVENT2, with the digests of `banks` if the event names none. */
export function eventRecord(event: BuiltEvent, banks: readonly HashName[]): Uint8Array {
  const { pcr, type, data } = event;
  const digests = event.digests ?? banks.map((bank) => [algOfHash(bank), digest(bank, data)] as const);
  return concatBytes(
    littleEndian(pcr, 4),
    littleEndian(type, 4),
    littleEndian(digests.length, 4),
    ...digests.map(([alg, value]) => concatBytes(littleEndian(alg, 2), value)),
    littleEndian(data.byteLength, 4),
    data,
  );
}

/** The record that a crypto-agile log starts with. */
export function headerRecord(specId: Uint8Array): Uint8Array {
  return sha1Record({ pcr: 0, type: EVENT_TYPE.noAction, data: specId }, NO_DIGEST);
}

/** A crypto-agile log of `events` with digests for `banks`. */
export function eventLog(events: readonly BuiltEvent[], banks: readonly HashName[] = ['sha256']): Uint8Array {
  const header = headerRecord(specIdEvent(banks.map((bank) => [algOfHash(bank), DIGEST_SIZE[bank]] as const)));
  return concatBytes(header, ...events.map((event) => eventRecord(event, banks)));
}

/** The event that states a startup locality. */
export function startupLocalityEvent(locality: number): BuiltEvent {
  return { pcr: 0, type: EVENT_TYPE.noAction, data: concatBytes(utf8('StartupLocality\0'), Buffer.of(locality)) };
}
