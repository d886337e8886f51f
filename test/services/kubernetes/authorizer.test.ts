import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { systemClock } from '#core/clock.ts';
import { isNodeName } from '#core/ids.ts';
import type { SnapshotNode } from '#services/kubernetes/snapshot.ts';
import { MemorySnapshotSource } from '#test/fakes/memory-snapshot-source.ts';
import { fakeClock } from '#test/fakes/fake-clock.ts';
import { authorizerLab, type AuthorizerLab, nodeReview, readDecision, WEBHOOK } from '#test/lab/authorizer-lab.ts';
import { labAllowed, labFingerprint, labSnapshotNode } from '#test/lab/kubernetes-snapshot.ts';
import { labNodeCa } from '#test/lab/node-ca.ts';
import { labAdministrator } from '#test/lab/service-pki.ts';

// TLS judges certificates by the machine's clock, so the lab's begins there.
const START = new Date(Math.floor(systemClock().getTime() / 1_000) * 1_000);
const UNTIL = new Date(START.getTime() + 7 * 86_400_000);
const goodNode = (name: string, override: Partial<SnapshotNode> = {}): SnapshotNode =>
  labSnapshotNode(name, {
    current: [labAllowed(`${name} new`, UNTIL)],
    previous: [labAllowed(`${name} old`, UNTIL)],
    ...override,
  });

let lab: AuthorizerLab;
let source: MemorySnapshotSource;
let clock: ReturnType<typeof fakeClock>;
beforeEach(async () => {
  source = new MemorySnapshotSource(goodNode('n1'), goodNode('n2'));
  clock = fakeClock(START);
  lab = await authorizerLab({ source, now: () => clock.now(), maxAgeMs: 3_600_000 });
});
afterEach(() => lab[Symbol.asyncDispose]());

const NEW = labFingerprint('n1 new');
const OLD = labFingerprint('n1 old');
const bar = (name: string): void => source.put(goodNode(name, { state: 'barred' }));

describe('an authorizer that follows the service', () => {
  test('denies nodes until it has a snapshot, then by what it says', async () => {
    lab.service.isUp = false;
    await using running = await lab.start();
    expect([await running.ask('n1', NEW), await running.ask('cp-1')]).toEqual(['snapshot-missing', 'snapshot-missing']);
    expect((await running.page('/readyz')).status).toBe(503);
    lab.service.isUp = true;
    await running.caughtUp();
    expect([
      await running.ask('n1', NEW),
      await running.ask('n1', labFingerprint('x')),
      await running.ask('cp-1'),
    ]).toEqual(['no-opinion', 'credential-unknown', 'no-opinion']);
    expect((await running.page('/readyz')).status).toBe(200);
  });

  test('denies a node as soon as the service has barred it, on the same connection, and no other', async () => {
    await using running = await lab.start();
    await running.caughtUp();
    expect(await running.ask('n1', NEW)).toBe('no-opinion');
    bar('n1');
    await running.caughtUp();
    expect([await running.ask('n1', NEW), await running.ask('n2', labFingerprint('n2 new'))]).toEqual([
      'node-barred',
      'no-opinion',
    ]);
  });

  test('answers the same after a restart while the service is down', async () => {
    bar('n2');
    const asked = [
      ['n1', NEW],
      ['n1', OLD],
      ['n1', labFingerprint('x')],
      ['n2', labFingerprint('n2 new')],
      ['n3', NEW],
      ['cp-1', undefined],
    ] as const;
    let before: string[];
    {
      await using running = await lab.start();
      await running.caughtUp();
      source.put(goodNode('n3'));
      await running.caughtUp();
      before = await Promise.all(asked.map(([node, shown]) => running.ask(node, shown)));
      expect(before).toEqual([
        'no-opinion',
        'credential-superseded',
        'credential-unknown',
        'node-barred',
        'credential-unknown',
        'no-opinion',
      ]);
    }
    lab.service.isUp = false;
    await using again = await lab.start();
    expect(await Promise.all(asked.toReversed().map(([node, shown]) => again.ask(node, shown)))).toEqual(
      before.toReversed(),
    );
  });

  test('catches up on each of 1,000 changes that were made in ten minutes without a way to the service', async () => {
    await using running = await lab.start();
    await running.caughtUp();
    const { snapshot: before } = running.authorizer.knowledge;
    lab.service.isUp = false;
    const start = await source.currentChange();
    // Five changes of each of 200 nodes, in turn: only the last of each may count.
    const states = ['joined', 'quarantined', 'joined', 'barred', 'joined'] as const;
    const names = Array.from({ length: 200 }, (_, index) => `n${index + 10}`);
    for (const [turn, state] of states.entries()) {
      for (const [index, name] of names.entries()) {
        const last = turn === states.length - 1 && index % 2 === 1 ? 'barred' : state;
        source.put(goodNode(name, { state: last, current: [labAllowed(`${name} turn ${turn}`, UNTIL)] }));
      }
      clock.advance(120_000);
      expect(await running.ask('n1', NEW)).toBe('no-opinion');
    }
    const gone = 'n11';
    if (isNodeName(gone)) source.remove(gone);
    bar('n2');
    expect((await source.currentChange()) - start).toBe(1_002);
    expect(running.authorizer.knowledge.snapshot).toBe(before);
    lab.service.isUp = true;
    await running.caughtUp();
    expect(running.authorizer.knowledge.snapshot?.size).toBe(201);
    const wanted = names.map((name, index) => {
      if (name === gone) return 'node-unknown';
      return index % 2 === 1 ? 'node-barred' : 'no-opinion';
    });
    const newest = (name: string) => running.ask(name, labFingerprint(`${name} turn 4`));
    expect(await Promise.all(names.map(newest))).toEqual(wanted);
    expect(await running.ask('n10', labFingerprint('n10 turn 3'))).toBe('credential-unknown');
    expect(await running.ask('n2', labFingerprint('n2 new'))).toBe('node-barred');
  });

  test('takes the whole anew when it was away for longer than the service remembers', async () => {
    await using running = await lab.start();
    await running.caughtUp();
    lab.service.isUp = false;
    bar('n2');
    source.remembersAfter = await source.currentChange();
    lab.service.isUp = true;
    await running.caughtUp();
    expect(await running.ask('n2', labFingerprint('n2 new'))).toBe('node-barred');
  });

  test('denies every managed node when the snapshot has grown too old, until the service vouches again', async () => {
    await using running = await lab.start();
    await running.caughtUp();
    lab.service.isUp = false;
    clock.advance(3_600_000);
    expect(await running.ask('n1', NEW)).toBe('no-opinion');
    clock.advance(1_000);
    expect(await running.ask('n1', NEW)).toBe('snapshot-too-old');
    const { text } = await running.page('/metrics');
    expect(text).toContain('\nmuster_authorizer_snapshot_usable 0\n');
    expect(text).toContain('\nmuster_authorizer_snapshot_age_seconds 3601\n');
    expect(text).toContain('\nmuster_authorizer_identity_expires_in_seconds 3600\n');
    expect((await running.page('/livez')).status).toBe(200);
    lab.service.isUp = true;
    await expect.poll(() => running.ask('n1', NEW)).toBe('no-opinion');
  });

  test('does not go back when the service tells of an earlier state', async () => {
    await using running = await lab.start();
    bar('n1');
    await running.caughtUp();
    clock.advance(-60_000);
    bar('n2');
    await expect
      .poll(async () => (await running.page('/metrics')).text)
      .toMatch(/statements_refused_total\{reason="older"\} [1-9]/);
    expect(await running.ask('n1', NEW)).toBe('node-barred');
  });

  test('does not take what the service will only say in an hour', async () => {
    lab.service.clockAheadMs = 3_600_000;
    await using running = await lab.start();
    await expect
      .poll(async () => (await running.page('/metrics')).text)
      .toMatch(/statements_refused_total\{reason="from-the-future"\} [1-9]/);
    expect(await running.ask('n1', NEW)).toBe('snapshot-missing');
    lab.service.clockAheadMs = 300_000;
    await running.caughtUp();
    expect(await running.ask('n1', NEW)).toBe('no-opinion');
  });
});

describe('the snapshot on disk', () => {
  const written = async (): Promise<Buffer> => {
    await using running = await lab.start();
    await running.caughtUp();
    bar('n2');
    await running.caughtUp();
    await running[Symbol.asyncDispose]();
    return readFileSync(lab.snapshotFile);
  };

  test.each<[string, (file: Buffer) => Buffer]>([
    [
      'a barred node made a joined one',
      (file) => Buffer.from(file.toString('latin1').replace(' barred ', ' joined '), 'latin1'),
    ],
    [
      'another fingerprint in its place',
      (file) => Buffer.from(file.toString('latin1').replace(NEW, labFingerprint('evil')), 'latin1'),
    ],
    ['its first statement gone', (file) => file.subarray(file.indexOf('muster-signed', 20))],
    ['its end replaced by something else', (file) => Buffer.concat([file, Buffer.from(`${'x'.repeat(300)}\n`)])],
    ['nothing in it', () => Buffer.alloc(0)],
    ['half of its first statement', (file) => file.subarray(0, 300)],
  ])('with %s is refused, and nodes are denied', async (_, tamper) => {
    const file = await written();
    const tampered = tamper(file);
    expect(tampered.equals(file)).toBe(false);
    writeFileSync(lab.snapshotFile, tampered);
    lab.service.isUp = false;
    {
      await using running = await lab.start();
      expect([await running.ask('n1', NEW), await running.ask('n2', labFingerprint('n2 new'))]).toEqual([
        'snapshot-missing',
        'snapshot-missing',
      ]);
      expect((await running.page('/metrics')).text).toContain('\nmuster_authorizer_snapshot_refused 1\n');
      expect((await running.page('/readyz')).status).toBe(503);
    }
    lab.service.isUp = true;
    await using healed = await lab.start();
    await healed.caughtUp();
    expect(await healed.ask('n1', NEW)).toBe('no-opinion');
    expect((await healed.page('/metrics')).text).toContain('\nmuster_authorizer_snapshot_refused 0\n');
  });

  test('whose last statement was cut off by a crash counts without it, and is continued', async () => {
    const file = await written();
    writeFileSync(lab.snapshotFile, file.subarray(0, file.byteLength - 5));
    {
      await using running = await lab.start();
      await running.caughtUp();
      expect(await running.ask('n2', labFingerprint('n2 new'))).toBe('node-barred');
    }
    lab.service.isUp = false;
    await using again = await lab.start();
    expect(await again.ask('n2', labFingerprint('n2 new'))).toBe('node-barred');
  });

  test('of another service is refused', async () => {
    const file = await written();
    await using other = await authorizerLab({ source });
    writeFileSync(other.snapshotFile, file);
    other.service.isUp = false;
    await using running = await other.start();
    expect(await running.ask('n1', NEW)).toBe('snapshot-missing');
  });

  test('has room for a first use that was cut off', async () => {
    {
      await using running = await lab.start();
      await running.caughtUp();
      await running.ask('n1', NEW);
    }
    const uses = join(lab.folder, 'first-uses');
    writeFileSync(uses, `${readFileSync(uses, 'latin1')}\n${labFingerprint('n2 new').slice(0, 20)}`);
    lab.service.isUp = false;
    await using running = await lab.start();
    expect([await running.ask('n1', OLD), await running.ask('n2', labFingerprint('n2 old'))]).toEqual([
      'credential-superseded',
      'no-opinion',
    ]);
  });
});

describe('the webhook', () => {
  test('answers the API server at its path alone, whatever the query', async () => {
    await using running = await lab.start();
    await running.caughtUp();
    const client = running.client();
    const send = async (method: string, path: string, body: object | string | undefined): Promise<string> =>
      readDecision(await client.send({ method, path, body }));
    const review = nodeReview('n1', NEW);
    for (const path of ['/v1/authorize', WEBHOOK, '/v1/authorize?'])
      expect(await send('POST', path, review)).toBe('no-opinion');
    for (const path of ['/', '/v1/authorize/', '/v1//authorize', '/V1/authorize', '/v1/authorize%3F', '/metrics']) {
      expect(await send('POST', path, review)).toBe('404');
    }
    expect(await send('GET', '/v1/authorize', undefined)).toBe('405');
    expect(await send('POST', WEBHOOK, '{"kind":')).toBe('400');
    expect(await send('POST', WEBHOOK, { kind: 'SubjectAccessReview' })).toBe('400');
    expect(await send('POST', WEBHOOK, { ...review, padding: 'x'.repeat(262_144) })).toBe('413');
    expect(await send('POST', WEBHOOK, review)).toBe('no-opinion');
    expect((await running.page('/metrics')).text).toContain('requests_refused_total{status="404"} 6');
  });

  test('answers nobody but the API server', async () => {
    await using running = await lab.start();
    await running.caughtUp();
    const ask = async (client: ReturnType<typeof running.client>): Promise<string> =>
      client.send({ method: 'POST', path: WEBHOOK, body: nodeReview('n1', NEW) }).then(readDecision, () => 'handshake');
    const stranger = await labNodeCa({ now: systemClock() });
    expect(await ask(running.client('none'))).toBe('handshake');
    expect(await ask(running.client(await labAdministrator(stranger.management, { name: 'kube-apiserver' })))).toBe(
      'handshake',
    );
    expect(await ask(running.client(await labAdministrator(lab.ca.management, { name: 'alice' })))).toBe('403');
    expect(await ask(running.client())).toBe('no-opinion');
    clock.advance(2 * 86_400_000);
    expect(await ask(running.client())).toBe('403');
  });

  test('counts what it decides, and tells no name of it', async () => {
    await using running = await lab.start();
    await running.caughtUp();
    await running.ask('n1', NEW);
    await running.ask('n1', labFingerprint('x'));
    const { text } = await running.page('/metrics');
    expect(text).toContain('muster_authorizer_decisions_total{decision="no-opinion"} 1\n');
    expect(text).toContain('muster_authorizer_decisions_total{decision="credential-unknown"} 1\n');
    expect(text).toContain('muster_authorizer_decision_seconds_count 2\n');
    expect(text).toContain('muster_authorizer_decision_seconds_bucket{le="+Inf"} 2\n');
    expect(text).not.toContain('n1');
    expect((await running.page('/nothing')).status).toBe(404);
  });
});
