import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { originOf, SegmentSet } from '#services/http/origin.ts';

const contains = (segments: readonly string[], address: string): boolean => {
  const origin = originOf(address);
  return origin !== undefined && new SegmentSet(segments).contains(origin);
};

describe('originOf', () => {
  test.each<[string, string | undefined, string | undefined]>([
    ['IPv4 stays as it is', '10.1.2.3', '10.1.2.3'],
    ['IPv6 stays as it is', '2001:db8::7', '2001:db8::7'],
    ['IPv6 in another spelling gets the one spelling', '2001:DB8:0:0:0:0:0:0007', '2001:db8::7'],
    ['an IPv4-mapped address becomes IPv4', '::ffff:10.1.2.3', '10.1.2.3'],
    ['an IPv4-mapped address in hex becomes IPv4', '::ffff:a01:203', '10.1.2.3'],
    ['an IPv4-compatible address is another address', '::10.1.2.3', '::10.1.2.3'],
    ['an IPv4-translated address is another address', '::ffff:0:a01:203', '::ffff:0:a01:203'],
    ['a zone id is refused', 'fe80::1%eth0', undefined],
    ['a mapped address with a zone id is refused', '::ffff:10.1.2.3%1', undefined],
    ['an octal spelling is refused', '010.1.2.3', undefined],
    ['a number is refused', '167838211', undefined],
    ['a name is refused', 'localhost', undefined],
    ['a list, as in X-Forwarded-For, is refused', '10.1.2.3, 10.9.9.9', undefined],
    ['nothing is refused', '', undefined],
    ['a socket that is gone is refused', undefined, undefined],
  ])('%s', (_, address, expected) => {
    expect(originOf(address)).toBe(expected);
  });
});

describe('SegmentSet', () => {
  test.each<[string, string[], string, boolean]>([
    ['an address in its range is in it', ['10.0.0.0/8'], '10.255.255.255', true],
    ['an address one past its range is not', ['10.0.0.0/8'], '11.0.0.0', false],
    ['the second of two ranges counts', ['10.0.0.0/8', '192.0.2.0/24'], '192.0.2.9', true],
    ['an empty set contains nobody', [], '10.0.0.1', false],
    ['a range with host bits set means its network', ['10.7.7.7/8'], '10.0.0.1', true],
    ['a single address is a range', ['192.0.2.7/32'], '192.0.2.7', true],
    ['a single address is no other', ['192.0.2.7/32'], '192.0.2.6', false],
    ['an IPv4-mapped caller is in the IPv4 range', ['10.0.0.0/8'], '::ffff:10.1.2.3', true],
    ['an IPv4-mapped range is the IPv4 range', ['::ffff:10.0.0.0/104'], '10.1.2.3', true],
    ['an IPv4-mapped range has its end', ['::ffff:10.0.0.0/104'], '11.0.0.0', false],
    ['an IPv6 address in its range is in it', ['2001:db8::/32'], '2001:db8:ffff::1', true],
    ['an IPv6 address past its range is not', ['2001:db8::/32'], '2001:db9::', false],
    ['every IPv6 address is no IPv4 address', ['::/0'], '10.1.2.3', false],
    ['every IPv6 address is no IPv4-mapped address', ['::/0'], '::ffff:10.1.2.3', false],
    ['every IPv4 address is no IPv6 address', ['0.0.0.0/0'], '2001:db8::1', false],
  ])('%s', (_, segments, address, expected) => {
    expect(contains(segments, address)).toBe(expected);
  });

  test.each([
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0.0/08',
    '::/129',
    'fe80::1%eth0/64',
    '',
    '/0',
  ])('refuses %j: not CIDR notation', (segment) => {
    expect(() => new SegmentSet([segment])).toThrow(RangeError);
  });

  test('agrees with arithmetic on every IPv4 range', () => {
    const number = (address: string): number => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), fc.integer({ min: 0, max: 32 }), (address, network, length) => {
        const size = 2 ** (32 - length);
        const expected = Math.floor(number(address) / size) === Math.floor(number(network) / size);
        expect(contains([`${network}/${length}`], address)).toBe(expected);
      }),
      { numRuns: 500 },
    );
  });
});
