import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';

import { describe, expect, test } from 'vitest';

import { callerOrigins, type ProxyOptions } from '#services/http/caller-origin.ts';
import { askChallenge, joinLab, told } from '#test/lab/join-lab.ts';

const PROXY = '192.0.2.1';
const STRANGER = '198.51.100.9';
const INSIDE = '10.1.2.3';

const FORWARDED: ProxyOptions = { mode: 'x-forwarded-for', trustedProxies: [`${PROXY}/32`], hops: 1 };
const V2: ProxyOptions = { mode: 'proxy-v2', trustedProxies: [`${PROXY}/32`] };

/** Where a caller at `peer` with these headers is taken to be. */
function seen(options: ProxyOptions, peer: string, headers: Record<string, string>): string | undefined {
  const socket = new Socket();
  Object.defineProperty(socket, 'remoteAddress', { value: peer });
  const request = new IncomingMessage(socket);
  Object.assign(request.headers, headers);
  return callerOrigins(options, { headerTimeoutMs: 1, headerRefused: () => undefined }).of(request);
}

describe('T57 an address is forged', () => {
  test.each<[string, ProxyOptions, string, Record<string, string>, string]>([
    ['T57 a trusted proxy’s word admits', FORWARDED, PROXY, { 'x-forwarded-for': INSIDE }, 'ok'],
    ['T57 a stranger’s does not', FORWARDED, STRANGER, { 'x-forwarded-for': INSIDE }, 'origin-refused'],
    [
      'T57 what the caller wrote before the proxy’s word does not',
      FORWARDED,
      PROXY,
      { 'x-forwarded-for': `${INSIDE}, ${STRANGER}` },
      'origin-refused',
    ],
    ['T57 another header does not', FORWARDED, PROXY, { forwarded: `for=${INSIDE}` }, 'origin-refused'],
    [
      'T57 a header does not where the PROXY protocol is spoken',
      V2,
      PROXY,
      { 'x-forwarded-for': INSIDE },
      'origin-refused',
    ],
    [
      'T57 a header does not where no proxy is known',
      { mode: 'none' },
      STRANGER,
      { 'x-forwarded-for': INSIDE },
      'origin-refused',
    ],
  ])('%s', async (_, options, peer, headers, outcome) => {
    const lab = await joinLab();
    expect(told(await askChallenge(lab, { address: seen(options, peer, headers) ?? 'nowhere' }))).toBe(outcome);
  });
});
