import { BlockList, SocketAddress, isIPv4 } from 'node:net';

import type { Branded } from '#core/brand.ts';

/** A caller's network address as the socket gives it, in its one spelling: IPv4 dotted, or IPv6 as RFC 5952 writes it. */
export type Origin = Branded<string, 'Origin'>;

/**
 * The one spelling of a socket's remote address. An IPv4-mapped IPv6 address becomes the IPv4 address that it stands for. Undefined,
 * so refused, for an address with a zone id (it means another host on each link), for anything that is not an address, and for a
 * socket that is gone. Nothing a caller writes is looked at: not X-Forwarded-For, not Forwarded.
 */
export function originOf(remoteAddress: string | undefined): Origin | undefined {
  if (remoteAddress === undefined) return undefined;
  if (isIPv4(remoteAddress)) return remoteAddress as Origin;
  const canonical = canonicalIpv6(remoteAddress);
  if (canonical === undefined) return undefined;
  return (mappedIpv4(canonical) ?? canonical) as Origin;
}

/** What one host can call from: its IPv4 address, or the IPv6 /64 that it can take any number of addresses in (RFC 4291 §2.5.1). */
export function networkOf(origin: Origin): string {
  if (isIPv4(origin)) return origin;
  const [head = '', tail = ''] = origin.split('::');
  const before = head.split(':').filter((group) => group !== '');
  const after = tail.split(':').filter((group) => group !== '');
  // An address written without `::` has all of its eight groups in `before`.
  const zeros = Array.from({ length: Math.max(0, IPV6_GROUPS - before.length - after.length) }, () => '0');
  return `${[...before, ...zeros, ...after].slice(0, IPV6_GROUPS / 2).join(':')}::/64`;
}

const IPV6_GROUPS = 8;

/** Address ranges in CIDR notation. An empty set contains nobody. */
export class SegmentSet {
  // Two lists: Node's matches an IPv4 address against IPv6 ranges, so `::/0` would let IPv4 callers in.
  readonly #ipv4 = new BlockList();
  readonly #ipv6 = new BlockList();

  /** Throws RangeError on anything but CIDR notation. IPv4-mapped ranges count as the IPv4 ranges they stand for. */
  constructor(segments: Iterable<string>) {
    for (const segment of segments) this.#add(segment);
  }

  contains(origin: Origin): boolean {
    return isIPv4(origin) ? this.#ipv4.check(origin, 'ipv4') : this.#ipv6.check(origin, 'ipv6');
  }

  #add(segment: string): void {
    const [address = '', length = '', ...rest] = segment.split('/');
    const prefix = /^(?:0|[1-9][0-9]{0,2})$/.test(length) ? Number(length) : Number.NaN;
    if (rest.length > 0 || Number.isNaN(prefix)) throw new RangeError(`not a CIDR range: ${segment}`);
    if (isIPv4(address)) {
      this.#ipv4.addSubnet(address, prefix, 'ipv4');
      return;
    }
    const canonical = canonicalIpv6(address);
    if (canonical === undefined) throw new RangeError(`not a CIDR range: ${segment}`);
    const ipv4 = prefix >= 96 ? mappedIpv4(canonical) : undefined;
    if (ipv4 === undefined) this.#ipv6.addSubnet(canonical, prefix, 'ipv6');
    else this.#ipv4.addSubnet(ipv4, prefix - 96, 'ipv4');
  }
}

function canonicalIpv6(text: string): string | undefined {
  if (text.includes('%') || !text.includes(':')) return undefined;
  try {
    return new SocketAddress({ address: text, family: 'ipv6' }).address;
  } catch {
    return undefined;
  }
}

const mappedIpv4 = (canonical: string): string | undefined =>
  /^::ffff:([0-9]+\.[0-9]+\.[0-9]+\.[0-9]+)$/.exec(canonical)?.[1];
