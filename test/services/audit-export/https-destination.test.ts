import { beforeAll, describe, expect, test } from 'vitest';

import { Secret } from '#core/secret.ts';
import { httpsDestination, type HttpsDestinationOptions } from '#services/audit-export/https-destination.ts';
import { retryAfterMs } from '#services/audit-export/retry-after.ts';
import { labChain } from '#test/lab/audit-records.ts';
import { labReceiverPki } from '#test/lab/receiver-pki.ts';
import type { TlsIdentity } from '#test/lab/service-pki.ts';
import { NOON } from '#test/lab/store-values.ts';
import { startWebhook } from '#test/lab/webhook.ts';

const NEVER = new AbortController().signal;
const RECORDS = labChain(3);

describe('a webhook', () => {
  let identity: TlsIdentity;
  let client: TlsIdentity;
  let ca: string;
  let otherCa: string;
  beforeAll(async () => {
    ({ identity, client, ca, otherCa } = await labReceiverPki());
  });

  const destination = (url: string, override: Partial<HttpsDestinationOptions> = {}) =>
    httpsDestination({
      name: 'hook',
      url: new URL('/audit?source=muster', url),
      format: 'json-array',
      render: ({ sequence }) => JSON.stringify({ sequence }),
      readTls: () => Promise.resolve({ ca, identity: undefined }),
      readBearerToken: undefined,
      timeoutMs: 5_000,
      now: () => NOON,
      ...override,
    });
  const DOCUMENTS = RECORDS.map(({ sequence }) => ({ sequence }));

  test('is sent a list of events', async () => {
    await using webhook = await startWebhook({ identity });
    using hook = destination(webhook.url);
    expect(await hook.deliver(RECORDS, NEVER)).toEqual({ ok: true, records: 3 });
    const [request] = webhook.requests;
    expect(request).toMatchObject({ method: 'POST', path: '/audit?source=muster' });
    expect(request?.headers['content-type']).toBe('application/json');
    expect(request?.headers.authorization).toBeUndefined();
    expect(JSON.parse(request?.body ?? '')).toEqual(DOCUMENTS);
  });

  test('is sent one event a line, where it wants that', async () => {
    await using webhook = await startWebhook({ identity });
    using hook = destination(webhook.url, { format: 'ndjson' });
    await hook.deliver(RECORDS, NEVER);
    const [request] = webhook.requests;
    expect(request?.headers['content-type']).toBe('application/x-ndjson');
    expect(request?.body.endsWith('\n')).toBe(true);
    const lines = request?.body.trimEnd().split('\n') ?? [];
    expect(lines.map((line): unknown => JSON.parse(line))).toEqual(DOCUMENTS);
  });

  test('is shown the token of the moment, over one connection', async () => {
    await using webhook = await startWebhook({ identity });
    const tokens = ['first', 'second'];
    const readBearerToken = () => Promise.resolve(new Secret(tokens.shift() ?? ''));
    using hook = destination(webhook.url, { readBearerToken });
    await hook.deliver(RECORDS, NEVER);
    await hook.deliver(RECORDS, NEVER);
    expect(webhook.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer first', 'Bearer second']);
    expect(webhook.connections()).toBe(1);
  });

  test('is shown a renewed certificate without a restart', async () => {
    await using webhook = await startWebhook({ identity, clientCa: ca });
    const onDisk: { identity: { certificate: string; key: string } | undefined } = { identity: undefined };
    using hook = destination(webhook.url, { readTls: () => Promise.resolve({ ca, ...onDisk }) });
    expect(await hook.deliver(RECORDS, NEVER)).toMatchObject({ ok: false, kind: 'unreachable' });
    onDisk.identity = { certificate: client.certificatePem, key: client.keyPem };
    expect(await hook.deliver(RECORDS, NEVER)).toMatchObject({ ok: true });
  });

  test.each<[number, string]>([
    [200, 'ok'],
    [202, 'ok'],
    [204, 'ok'],
    [301, 'refused'],
    [307, 'refused'],
    [400, 'refused'],
    [401, 'refused'],
    [403, 'refused'],
    [404, 'refused'],
    [408, 'busy'],
    [413, 'refused'],
    [425, 'busy'],
    [429, 'busy'],
    [500, 'busy'],
    [503, 'busy'],
  ])('that answers %i: %s', async (status, kind) => {
    await using webhook = await startWebhook({ identity });
    webhook.answer = { status, headers: { location: `${webhook.url}/elsewhere` }, body: status === 204 ? '' : 'text' };
    using hook = destination(webhook.url);
    const delivery = await hook.deliver(RECORDS, NEVER);
    expect(delivery.ok ? 'ok' : delivery.kind).toBe(kind);
    expect(webhook.requests).toHaveLength(1);
  });

  test('says when to come again', async () => {
    await using webhook = await startWebhook({ identity });
    webhook.answer = { status: 429, headers: { 'retry-after': '120' } };
    using hook = destination(webhook.url);
    expect(await hook.deliver(RECORDS, NEVER)).toEqual({
      ok: false,
      kind: 'busy',
      detail: 'HTTP status 429',
      retryAfterMs: 120_000,
    });
  });

  test('that does not answer in time has confirmed nothing', async () => {
    await using webhook = await startWebhook({ identity });
    webhook.answer = undefined;
    using hook = destination(webhook.url, { timeoutMs: 200 });
    expect(await hook.deliver(RECORDS, NEVER)).toMatchObject({ ok: false, kind: 'unconfirmed' });
    expect(webhook.requests).toHaveLength(1);
  });

  test('of another CA is told nothing, the token least of all', async () => {
    await using webhook = await startWebhook({ identity });
    const readBearerToken = () => Promise.resolve(new Secret('a-secret'));
    using hook = destination(webhook.url, {
      readTls: () => Promise.resolve({ ca: otherCa, identity: undefined }),
      readBearerToken,
    });
    const delivery = await hook.deliver(RECORDS, NEVER);
    expect(delivery).toMatchObject({ ok: false, kind: 'unreachable' });
    expect(JSON.stringify(delivery)).not.toContain('a-secret');
    expect(webhook.requests).toEqual([]);
  });

  test('that answers without end holds nothing up', async () => {
    await using webhook = await startWebhook({ identity });
    webhook.answer = { status: 200, body: 'x'.repeat(1_000_000) };
    using hook = destination(webhook.url);
    expect(await hook.deliver(RECORDS, NEVER)).toMatchObject({ ok: true });
    webhook.answer = { status: 204 };
    expect(await hook.deliver(RECORDS, NEVER)).toMatchObject({ ok: true });
  });

  test('is not called while the token file cannot be used', async () => {
    await using webhook = await startWebhook({ identity });
    using hook = destination(webhook.url, { readBearerToken: () => Promise.reject(new Error('token: mode 0644')) });
    expect(await hook.deliver(RECORDS, NEVER)).toEqual({ ok: false, kind: 'files', detail: 'token: mode 0644' });
    expect(webhook.requests).toEqual([]);
  });
});

describe('Retry-After', () => {
  test.each<[string | undefined, number | undefined]>([
    [undefined, undefined],
    ['0', 0],
    ['120', 120_000],
    ['-1', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    ['Sat, 21 Nov 2026 12:01:00 GMT', 60_000],
    ['Sat, 21 Nov 2026 11:00:00 GMT', 0],
    ['2026-11-21T12:01:00Z', undefined],
    ['Sat, 99 Nov 2026 12:01:00 GMT', undefined],
  ])('%s means %s milliseconds', (header, expected) => {
    expect(retryAfterMs(header, () => NOON)).toBe(expected);
  });
});
