import { describe, expect, test } from 'vitest';

import { forwardedClient } from '#services/http/forwarded-for.ts';
import { SegmentSet } from '#services/http/origin.ts';

const trusted = new SegmentSet(['192.0.2.0/24', '2001:db8::/32']);

describe('the client in X-Forwarded-For', () => {
  test.each<[string, string | string[] | undefined, number, string | undefined]>([
    ['is the last entry where there is one proxy', '10.1.2.3', 1, '10.1.2.3'],
    ['is the last entry whatever the caller wrote before it', '10.9.9.9, 10.1.2.3', 1, '10.1.2.3'],
    ['is the last entry whatever nonsense stands before it', 'unknown,,;, 10.1.2.3', 1, '10.1.2.3'],
    ['is the last entry of the last header', ['10.9.9.9', '10.1.2.3'], 1, '10.1.2.3'],
    ['is an IPv6 address', 'fd00::1', 1, 'fd00::1'],
    ['is the IPv4 address that an IPv6 one stands for', '::ffff:10.1.2.3', 1, '10.1.2.3'],
    ['stands before the first of two proxies', '10.9.9.9, 10.1.2.3, 192.0.2.7', 2, '10.1.2.3'],
    ['stands before the first of three', '10.1.2.3, 192.0.2.8, 2001:db8::7', 3, '10.1.2.3'],
    ['is nobody where a proxy on the way is not trusted', '10.1.2.3, 198.51.100.7', 2, undefined],
    ['is nobody where there are too few entries', '10.1.2.3', 2, undefined],
    ['is nobody without the header', undefined, 1, undefined],
    ['is nobody where the header is empty', '', 1, undefined],
    ['is nobody where the entry is empty', '10.1.2.3, ', 1, undefined],
    ['is nobody where the entry has a port', '10.1.2.3:4711', 1, undefined],
    ['is nobody where the entry is in brackets', '[fd00::1]', 1, undefined],
    ['is nobody where the entry has a zone', 'fe80::1%eth0', 1, undefined],
    ['is nobody where the entry is a name', 'localhost', 1, undefined],
    ['is nobody where the entry is quoted', '"10.1.2.3"', 1, undefined],
    ['is nobody where the entry has leading zeros', '10.01.2.3', 1, undefined],
    ['is nobody where the entry is a number', '167838211', 1, undefined],
    ['is nobody where two addresses share an entry', '10.9.9.9 10.1.2.3', 1, undefined],
    ['is nobody where no hop is counted', '10.1.2.3', 0, undefined],
  ])('%s', (_, header, hops, client) => {
    expect(forwardedClient(header, { trusted, hops })).toBe(client);
  });
});
