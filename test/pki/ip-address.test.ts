import { describe, expect, test } from 'vitest';

import { toHex } from '#core/bytes.ts';
import { ipAddressBytes } from '#pki/ip-address.ts';

describe('ipAddressBytes', () => {
  test.for([
    ['192.0.2.255', 'c00002ff'],
    ['0.0.0.0', '00000000'],
    ['::', '0'.repeat(32)],
    ['::1', '0'.repeat(31) + '1'],
    ['1::', '0001' + '0'.repeat(28)],
    ['2001:db8::8:800:200c:417a', '20010db80000000000080800200c417a'],
    ['2001:DB8:0:0:8:800:200C:417A', '20010db80000000000080800200c417a'],
    ['::ffff:192.0.2.1', '00000000000000000000ffffc0000201'],
    ['64:ff9b::192.0.2.33', '0064ff9b0000000000000000c0000221'],
    ['1:2:3:4:5:6:7::', '00010002000300040005000600070000'],
  ])('writes %s as %s', ([text, hex]) => {
    const bytes = ipAddressBytes(text ?? '');
    expect(bytes && toHex(bytes)).toBe(hex);
  });

  test.for([
    '',
    '192.0.2',
    '192.0.2.256',
    '192.0.2.01',
    'example',
    ':::',
    '1::2::3',
    'fe80::1%eth0',
    '12345::',
    '192.0.2.0/24',
  ])('does not take %s for an address', (text) => {
    expect(ipAddressBytes(text)).toBeUndefined();
  });
});
