import type { Bytes } from '#core/bytes.ts';

/** How a name stands to a subtree. `unsupported`: its syntax or the subtree's is not one that can be compared, or it stands for names on both sides. */
export type Match = 'inside' | 'outside' | 'unsupported';

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
const IPV4_LIKE = /^\d+(?:\.\d+){3}$/;
const URI_AUTHORITY = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/(?:[^@/?#]*@)?([^@:/?#[\]]*)(?::\d*)?(?:[/?#]|$)/;
const IPV4_MAPPED = Buffer.from('00000000000000000000ffff', 'hex');

/**
 * dNSName (RFC 5280 §4.2.1.10): `base` and every name made by adding labels on its left; an empty base is every name. A leading wildcard
 * label stands for one label: it is inside a base at or above its parent, and on both sides of a base right below it.
 */
export function dnsMatches(name: string, base: string): Match {
  const isWildcard = name.startsWith('*.');
  const host = hostOf(isWildcard ? name.slice(2) : name);
  if (host === undefined) return 'unsupported';
  if (base === '') return 'inside';
  const root = hostOf(base);
  if (root === undefined) return 'unsupported';
  if (host === root || host.endsWith(`.${root}`)) return 'inside';
  return isWildcard && root.endsWith(`.${host}`) && !root.slice(0, -host.length - 1).includes('.')
    ? 'unsupported'
    : 'outside';
}

/** rfc822Name (RFC 5280 §4.2.1.10): `base` is a mailbox, a host, or with a leading period every host below a domain. */
export function mailboxMatches(name: string, base: string): Match {
  const mailbox = mailboxOf(name);
  if (mailbox === undefined) return 'unsupported';
  if (!base.includes('@')) return hostMatches(mailbox.host, base);
  const only = mailboxOf(base);
  if (only === undefined) return 'unsupported';
  if (only.host !== mailbox.host) return 'outside';
  if (only.local === mailbox.local) return 'inside';
  // By RFC 5321 §2.4 only the host knows whether case matters in a local part: neither permit nor exclusion may turn on it.
  return only.local.toLowerCase() === mailbox.local.toLowerCase() ? 'unsupported' : 'outside';
}

/** uniformResourceIdentifier (RFC 5280 §4.2.1.10): the host part against a host or, with a leading period, every host below a domain. */
export function uriMatches(name: string, base: string): Match {
  const host = hostOf(URI_AUTHORITY.exec(name)?.[1] ?? '');
  return host === undefined ? 'unsupported' : hostMatches(host, base);
}

/** iPAddress (RFC 5280 §4.2.1.10): `base` is an address and a mask. An IPv4-mapped IPv6 address can be meant either way, and is not compared. */
export function addressMatches(address: Bytes, base: Bytes): Match {
  const size = address.byteLength;
  if (size === 16 && Buffer.compare(address.subarray(0, 12), IPV4_MAPPED) === 0) return 'unsupported';
  if (base.byteLength !== 2 * size) return 'outside';
  const isInside = address.every((byte, i) => ((byte ^ (base[i] ?? 0)) & (base[size + i] ?? 0)) === 0);
  return isInside ? 'inside' : 'outside';
}

function hostMatches(host: string, base: string): Match {
  const isDomain = base.startsWith('.');
  const root = hostOf(isDomain ? base.slice(1) : base);
  if (root === undefined) return 'unsupported';
  return (isDomain ? host.endsWith(`.${root}`) : host === root) ? 'inside' : 'outside';
}

/** A fully qualified host name in lower case without its final period; undefined for anything else, addresses included. */
function hostOf(text: string): string | undefined {
  const host = (text.endsWith('.') ? text.slice(0, -1) : text).toLowerCase();
  if (host.length > 253 || IPV4_LIKE.test(host)) return undefined;
  return host.split('.').every((label) => LABEL.test(label)) ? host : undefined;
}

/** Quoted local parts and address literals are not read. */
function mailboxOf(text: string): { readonly local: string; readonly host: string } | undefined {
  const [local, domain, ...rest] = text.split('@');
  if (local === undefined || local === '' || domain === undefined || rest.length > 0 || /["\s\\]/.test(local)) {
    return undefined;
  }
  const host = hostOf(domain);
  return host === undefined ? undefined : { local, host };
}
