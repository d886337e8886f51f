import { isIPv4 } from 'node:net';

import { concatBytes } from '#core/bytes.ts';

export interface ProxyHeaderOptions {
  readonly signature?: string;
  /** Version and command. */
  readonly command?: number;
  readonly family?: number;
  /** What the header says follows it; what follows otherwise. */
  readonly length?: number;
  /** Type-length-value fields. */
  readonly fields?: Uint8Array;
  readonly destination?: string;
}

/** A PROXY protocol header, version 2, as a proxy writes it for a client at `source`. */
export function proxyHeader(source: string, options: ProxyHeaderOptions = {}): Buffer {
  const ipv4 = isIPv4(source);
  const { destination = ipv4 ? '192.0.2.1' : '2001:db8::1', fields = new Uint8Array() } = options;
  const ports = Buffer.from([0xc0, 0x01, 0x1d, 0x13]);
  const payload = concatBytes(addressBytes(source), addressBytes(destination), ports, fields);
  const head = Buffer.alloc(16);
  head.write(options.signature ?? '0d0a0d0a000d0a515549540a', 'hex');
  head.writeUInt8(options.command ?? 0x21, 12);
  head.writeUInt8(options.family ?? (ipv4 ? 0x11 : 0x21), 13);
  head.writeUInt16BE(options.length ?? payload.byteLength, 14);
  return Buffer.concat([head, payload]);
}

function addressBytes(address: string): Uint8Array {
  if (isIPv4(address)) return Uint8Array.from(address.split('.'), Number);
  const [head = '', tail = ''] = address.split('::');
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const [before, after] = [groups(head), groups(tail)];
  const all = [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}
