import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { parseProxyHeader, ProxyHeaderError, proxyPayloadBytes } from '#services/http/proxy-protocol.ts';
import { originOf } from '#services/http/origin.ts';
import { FUZZ_RUNS } from '#test/lab/fuzz-runs.ts';
import { proxyHeader } from '#test/lab/proxy-header.ts';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const NOTHING = hex('0400020000');

/** The header, or the fault that refused it. */
const read = (header: Uint8Array): unknown => {
  try {
    const parsed = parseProxyHeader(header);
    return parsed.kind === 'local' ? 'local' : originOf(parsed.address);
  } catch (error) {
    if (!(error instanceof ProxyHeaderError)) throw error;
    return error.code;
  }
};

/** How many bytes a prefix announces; 0 for one that is refused. */
const payloadOf = (prefix: Uint8Array): number => {
  try {
    return proxyPayloadBytes(prefix);
  } catch (error) {
    if (!(error instanceof ProxyHeaderError)) throw error;
    return 0;
  }
};

/** A header over IPv4 whose CRC-32c is still zero. */
const CHECKED = hex('0d0a0d0a000d0a515549540a21110013' + '0a010203c0000201c0011d13' + '03000400000000');

describe('a PROXY protocol header', () => {
  test.each<[string, Uint8Array, string]>([
    ['over IPv4 says who is behind the proxy', proxyHeader('10.1.2.3'), '10.1.2.3'],
    ['over IPv6 does', proxyHeader('fd00:1::2'), 'fd00:1::2'],
    ['with an IPv4-mapped address means the IPv4 address', proxyHeader('::ffff:a01:203'), '10.1.2.3'],
    ['may carry fields that nobody asked for', proxyHeader('10.1.2.3', { fields: NOTHING }), '10.1.2.3'],
    ['of the proxy’s own connection names nobody', proxyHeader('10.1.2.3', { command: 0x20 }), 'local'],
    [
      'of the proxy’s own connection may be empty',
      proxyHeader('10.1.2.3', { command: 0x20, family: 0, length: 0 }).subarray(0, 16),
      'local',
    ],
    [
      'with another signature is none',
      proxyHeader('10.1.2.3', { signature: '0d0a0d0a000d0a515549540b' }),
      'not-version-2',
    ],
    ['of version 1 is refused', Buffer.from('PROXY TCP4 10.1.2.3 192.0.2.1 49153 7443\r\n'), 'not-version-2'],
    ['of version 3 is refused', proxyHeader('10.1.2.3', { command: 0x31 }), 'not-version-2'],
    ['with another command is refused', proxyHeader('10.1.2.3', { command: 0x22 }), 'command-unknown'],
    ['over UDP is refused', proxyHeader('10.1.2.3', { family: 0x12 }), 'family-refused'],
    ['over a UNIX socket is refused', proxyHeader('10.1.2.3', { family: 0x31 }), 'family-refused'],
    ['that does not say the family is refused', proxyHeader('10.1.2.3', { family: 0x00 }), 'family-refused'],
    ['over IPv6 with addresses of IPv4 is refused', proxyHeader('10.1.2.3', { family: 0x21 }), 'cut-short'],
    ['that says it is longer is refused', proxyHeader('10.1.2.3', { length: 13 }), 'cut-short'],
    ['with a byte after it is refused', Buffer.concat([proxyHeader('10.1.2.3'), hex('00')]), 'cut-short'],
    ['of more than a kilobyte is refused', proxyHeader('10.1.2.3', { fields: new Uint8Array(1_024) }), 'too-long'],
    ['with half a field is refused', proxyHeader('10.1.2.3', { fields: hex('0400') }), 'tlv-malformed'],
    ['with a field beyond its end is refused', proxyHeader('10.1.2.3', { fields: hex('04000300') }), 'tlv-malformed'],
    [
      'with a checksum of another size is refused',
      proxyHeader('10.1.2.3', { fields: hex('0300020000') }),
      'tlv-malformed',
    ],
    ['with a checksum that is wrong is refused', CHECKED, 'checksum-wrong'],
  ])('%s', (_, header, outcome) => {
    expect(read(header)).toBe(outcome);
  });

  test('with the right checksum is taken, and with any of its bits flipped it is not', () => {
    const header = Buffer.from(CHECKED);
    header.writeUInt32BE(castagnoli(header), header.byteLength - 4);
    expect(read(header)).toBe('10.1.2.3');
    for (let bit = 0; bit < header.byteLength * 8; bit += 1) {
      const flipped = Buffer.from(header);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      // Of the proxy's own connection nothing is read, and a field that is no checksum any more is skipped.
      if (bit === 12 * 8 || (bit >= 28 * 8 && bit < 29 * 8)) continue;
      expect(typeof read(flipped) === 'string' && !/^10\.|^local/.test(String(read(flipped)))).toBe(true);
    }
  });

  test(`of ${FUZZ_RUNS} random forms is read or refused, never anything else`, () => {
    const any = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .tuple(fc.nat(255), fc.nat(255), fc.nat(1_200), fc.uint8Array({ maxLength: 300 }))
        .map(([command, family, length, rest]) =>
          Buffer.concat([proxyHeader('10.1.2.3', { command, family, length }).subarray(0, 16), rest]),
        ),
      fc.uint8Array({ maxLength: 200 }).map((fields) => proxyHeader('10.1.2.3', { fields })),
    );
    fc.assert(
      fc.property(any, (bytes) => {
        expect(['string', 'undefined']).toContain(typeof read(bytes));
        const announced = payloadOf(bytes.subarray(0, 16));
        expect(announced).toBeLessThanOrEqual(1_024);
      }),
      { numRuns: FUZZ_RUNS },
    );
  });
});

/** CRC-32c by polynomial division over the message as one number: slow, and not the way the parser does it. */
function castagnoli(bytes: Buffer): number {
  const reflect = (value: bigint, bits: number): bigint => {
    let reflected = 0n;
    for (let bit = 0; bit < bits; bit += 1) if ((value >> BigInt(bit)) & 1n) reflected |= 1n << BigInt(bits - 1 - bit);
    return reflected;
  };
  let message = 0n;
  for (const byte of bytes) message = (message << 8n) | reflect(BigInt(byte), 8);
  const bits = BigInt(bytes.byteLength * 8);
  message ^= 0xffffffffn << (bits - 32n);
  message <<= 32n;
  for (let bit = bits + 31n; bit >= 32n; bit -= 1n) if ((message >> bit) & 1n) message ^= 0x11edc6f41n << (bit - 32n);
  return Number(reflect(message ^ 0xffffffffn, 32));
}
