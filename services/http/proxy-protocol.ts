import type { Bytes } from '#core/bytes.ts';

/** Bytes before the addresses: signature, version and command, family and protocol, length. */
export const PROXY_PREFIX_BYTES = 16;
/** Bytes that may follow those. The protocol would allow 65,535. */
const PAYLOAD_MAX_BYTES = 1_024;

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const VERSION_2 = 0x2;
const COMMAND_LOCAL = 0x0;
const COMMAND_PROXY = 0x1;
const CRC32C = 0x03;

/** The two families that a listener over TCP can be reached by. */
const FAMILIES: Readonly<Record<number, { readonly addressBytes: 4 | 16 }>> = {
  0x11: { addressBytes: 4 },
  0x21: { addressBytes: 16 },
};

/** What a proxy says of the connection that it relays. */
export type ProxyHeader =
  /** The proxy's own connection, a health check for example: nobody is behind it. */
  | { readonly kind: 'local' }
  /** The client's address, in any spelling. */
  | { readonly kind: 'proxied'; readonly address: string };

export type ProxyHeaderFault =
  | 'not-version-2'
  | 'command-unknown'
  | 'family-refused'
  | 'too-long'
  | 'cut-short'
  | 'tlv-malformed'
  | 'checksum-wrong'
  | 'timeout';

/** Bytes that are no header of the PROXY protocol, version 2, as this listener takes it. */
export class ProxyHeaderError extends Error {
  readonly code: ProxyHeaderFault;

  constructor(code: ProxyHeaderFault) {
    super(`PROXY protocol: ${code}`);
    this.name = 'ProxyHeaderError';
    this.code = code;
  }
}

/** How many bytes follow the first 16 of a header. Throws ProxyHeaderError where these do not begin one, or where too many follow. */
export function proxyPayloadBytes(prefix: Bytes): number {
  const bytes = view(prefix);
  if (bytes.byteLength !== PROXY_PREFIX_BYTES) throw new ProxyHeaderError('cut-short');
  if (!bytes.subarray(0, SIGNATURE.byteLength).equals(SIGNATURE)) throw new ProxyHeaderError('not-version-2');
  if (bytes.readUInt8(12) >> 4 !== VERSION_2) throw new ProxyHeaderError('not-version-2');
  const length = bytes.readUInt16BE(14);
  if (length > PAYLOAD_MAX_BYTES) throw new ProxyHeaderError('too-long');
  return length;
}

/**
 * A whole header of the PROXY protocol, version 2 (haproxy.org, proxy-protocol.txt §2.2). Strict: TCP over IPv4 or IPv6 alone, type-length-value
 * fields that end where the header ends, and a CRC-32c that is right where there is one. Throws ProxyHeaderError on anything else. What
 * it says is worth as much as the sender's word.
 */
export function parseProxyHeader(header: Bytes): ProxyHeader {
  const bytes = view(header);
  const length = proxyPayloadBytes(bytes.subarray(0, PROXY_PREFIX_BYTES));
  if (bytes.byteLength !== PROXY_PREFIX_BYTES + length) throw new ProxyHeaderError('cut-short');
  const command = bytes.readUInt8(12) & 0x0f;
  // What follows LOCAL is to be skipped whatever it is.
  if (command === COMMAND_LOCAL) return { kind: 'local' };
  if (command !== COMMAND_PROXY) throw new ProxyHeaderError('command-unknown');
  const family = FAMILIES[bytes.readUInt8(13)];
  if (family === undefined) throw new ProxyHeaderError('family-refused');
  const { addressBytes } = family;
  // Two addresses, two ports.
  const fieldsAt = PROXY_PREFIX_BYTES + 2 * addressBytes + 4;
  if (fieldsAt > bytes.byteLength) throw new ProxyHeaderError('cut-short');
  checkFields(bytes, fieldsAt);
  const address = bytes.subarray(PROXY_PREFIX_BYTES, PROXY_PREFIX_BYTES + addressBytes);
  return { kind: 'proxied', address: addressBytes === 4 ? address.join('.') : ipv6Text(address) };
}

function checkFields(bytes: Buffer, from: number): void {
  for (let at = from; at < bytes.byteLength;) {
    if (at + 3 > bytes.byteLength) throw new ProxyHeaderError('tlv-malformed');
    const [type, length] = [bytes.readUInt8(at), bytes.readUInt16BE(at + 1)];
    const valueAt = at + 3;
    at = valueAt + length;
    if (at > bytes.byteLength) throw new ProxyHeaderError('tlv-malformed');
    if (type !== CRC32C) continue;
    if (length !== 4) throw new ProxyHeaderError('tlv-malformed');
    if (crc32c(withZeros(bytes, valueAt)) !== bytes.readUInt32BE(valueAt)) throw new ProxyHeaderError('checksum-wrong');
  }
}

/** The checksum is over the header with zeros in its own place. */
const withZeros = (bytes: Buffer, at: number): Buffer => Buffer.from(bytes).fill(0, at, at + 4);

/** CRC-32c (Castagnoli, RFC 3720 §12.1), bit by bit: a header is short. */
function crc32c(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

function ipv6Text(bytes: Buffer): string {
  return Array.from({ length: 8 }, (_, group) => bytes.readUInt16BE(2 * group).toString(16)).join(':');
}

const view = (bytes: Bytes): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
