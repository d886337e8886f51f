import type { MeasurementChallengeFacts, Tpm2ChallengeFacts } from '#attestation/verify-evidence.ts';
import { type Bytes, concatBytes, utf8 } from '#core/bytes.ts';
import { type EkFingerprint, isEkFingerprint, isNodeName } from '#core/ids.ts';
import { unreachable } from '#core/never.ts';
import { pcrBank } from '#protocol/challenge.ts';

/** What a ticket brings back whatever kind of evidence it asks for. */
interface CommonFacts {
  /** Of the key that the challenge is for: the EK, or the key that signs measurements. The node's record is found by it. */
  readonly ekFingerprint: EkFingerprint;
  /** The policy that the challenge was made under. */
  readonly policyVersion: string;
  /** The address that the challenge was sent to. */
  readonly origin: string;
  readonly expiresAt: Date;
}

export interface Tpm2TicketFacts extends Tpm2ChallengeFacts, CommonFacts {}
export interface MeasurementTicketFacts extends MeasurementChallengeFacts, CommonFacts {}

/** Everything the service must remember of a challenge. It knows none of it by the time of the join: the ticket brings it back. */
export type TicketFacts = Tpm2TicketFacts | MeasurementTicketFacts;

/**
 * The facts as bytes: each field behind its length (two bytes, big-endian), the kind first, what only one kind has last. Throws RangeError on
 * a field over 65,535 bytes.
 */
export function encodeTicketFacts(facts: TicketFacts): Bytes {
  const fields = [
    utf8(facts.kind),
    facts.nonce,
    utf8(facts.claimedNodeName),
    utf8(facts.ekFingerprint),
    utf8(facts.policyVersion),
    utf8(facts.origin),
    utf8(facts.expiresAt.toISOString()),
    ...ownFields(facts),
  ];
  return concatBytes(...fields.flatMap((field) => [lengthOf(field), field]));
}

function ownFields(facts: TicketFacts): readonly Bytes[] {
  switch (facts.kind) {
    case 'tpm2-quote': {
      const { ekPublic, akPublic, activationSecret, bank, pcrs, ekCertificates } = facts;
      return [ekPublic, akPublic, activationSecret, utf8(bank), Uint8Array.from(pcrs), ...ekCertificates];
    }
    case 'signed-measurements':
      return [];
    default:
      return unreachable(facts);
  }
}

/** The facts of bytes that `encodeTicketFacts` made. Throws RangeError on others: only sealed bytes are ever decoded. */
export function decodeTicketFacts(bytes: Bytes): TicketFacts {
  const fields = splitFields(bytes);
  const next = (): Bytes => {
    const field = fields.shift();
    if (field === undefined) throw new RangeError('a field is missing');
    return field;
  };
  const text = (): string => Buffer.from(next()).toString('utf8');
  const kind = text();
  const common = {
    nonce: next(),
    claimedNodeName: checked(text(), isNodeName),
    ekFingerprint: checked(text(), isEkFingerprint),
    policyVersion: text(),
    origin: text(),
    expiresAt: new Date(text()),
  };
  if (kind === 'signed-measurements' && fields.length === 0) return { kind, ...common };
  if (kind !== 'tpm2-quote') throw new RangeError('a ticket of no known kind');
  return {
    kind,
    ...common,
    ekPublic: next(),
    akPublic: next(),
    activationSecret: next(),
    bank: pcrBank.parse(text()),
    pcrs: [...next()],
    ekCertificates: fields,
  };
}

function lengthOf(field: Bytes): Bytes {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(field.byteLength);
  return length;
}

function splitFields(bytes: Bytes): Bytes[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields: Bytes[] = [];
  for (let at = 0; at < buffer.byteLength;) {
    const end = at + 2 + buffer.readUInt16BE(at);
    if (end > buffer.byteLength) throw new RangeError('a field is cut short');
    fields.push(buffer.subarray(at + 2, end));
    at = end;
  }
  return fields;
}

function checked<T extends string>(text: string, is: (text: string) => text is T): T {
  if (!is(text)) throw new RangeError('a field is not what was sealed');
  return text;
}
