import { sign } from 'node:crypto';

import { toBase64Url, utf8 } from '#core/bytes.ts';

import type { SigningKey } from './key-file.ts';

/** `claims` as a compact JWS (RFC 7515) with ES256 by `key`, which the header names. `typ` is left out where it is undefined. */
export function signJws({ key, id }: SigningKey, claims: object, typ?: string): string {
  const header = toBase64Url(utf8(JSON.stringify({ alg: 'ES256', kid: id, typ })));
  const input = `${header}.${toBase64Url(utf8(JSON.stringify(claims)))}`;
  return `${input}.${toBase64Url(sign('sha256', utf8(input), { key, dsaEncoding: 'ieee-p1363' }))}`;
}
