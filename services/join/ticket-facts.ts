import type { ChallengeFacts } from '#attestation/verify-evidence.ts';
import { type Bytes, concatBytes, utf8 } from '#core/bytes.ts';
import { type EkFingerprint, isEkFingerprint, isNodeName } from '#core/ids.ts';
import { pcrBank } from '#protocol/challenge.ts';

/** Everything the service must remember of a challenge. It knows none of it by the time of the join: the ticket brings it back. */
export interface TicketFacts extends ChallengeFacts {
  /** Of the EK that the challenge is encrypted to. */
  readonly ekFingerprint: EkFingerprint;
  /** The policy that the challenge was made under. */
  readonly policyVersion: string;
  /** The address that the challenge was sent to. */
  readonly origin: string;
  readonly expiresAt: Date;
}

/** The facts as bytes: each field behind its length (two bytes, big-endian), certificates last. Throws RangeError on a field over 65,535 bytes. */
export function encodeTicketFacts(facts: TicketFacts): Bytes {
  const fields = [
    facts.nonce,
    utf8(facts.claimedNodeName),
    facts.ekPublic,
    facts.akPublic,
    facts.activationSecret,
    utf8(facts.bank),
    Uint8Array.from(facts.pcrs),
    utf8(facts.ekFingerprint),
    utf8(facts.policyVersion),
    utf8(facts.origin),
    utf8(facts.expiresAt.toISOString()),
    ...facts.ekCertificates,
  ];
  return concatBytes(...fields.flatMap((field) => [lengthOf(field), field]));
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
  return {
    nonce: next(),
    claimedNodeName: checked(text(), isNodeName),
    ekPublic: next(),
    akPublic: next(),
    activationSecret: next(),
    bank: pcrBank.parse(text()),
    pcrs: [...next()],
    ekFingerprint: checked(text(), isEkFingerprint),
    policyVersion: text(),
    origin: text(),
    expiresAt: new Date(text()),
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
