import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';

import { toHex } from '#core/bytes.ts';
import { problemDocument } from '#protocol/problem.ts';
import { joinExplanationSchema, recordedEvidenceSchema } from '#protocol/joins.ts';
import { PCRS, referenceValuesOf } from '#test/lab/join-lab.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { joinOverWire } from '#test/lab/wire.ts';

import { type Desk, openDesk } from './administrator-desk.ts';

let desk: Desk;
beforeAll(async () => {
  desk = await openDesk();
});
afterAll(() => desk[Symbol.asyncDispose]());

const hash = (n: number): string => n.toString(16).padStart(64, '0');

/** The request id in a refusal, as the agent prints it. */
function requestIdOf(json: unknown): string {
  return problemDocument.parse(json).instance?.replace('urn:uuid:', '') ?? '';
}

describe('an administrator', () => {
  test('enrols one node, and finds it in the inventory', async () => {
    const { tpm } = desk.running;
    const enrolled = await desk.muster(['enrol', 'worker-7', '--pool', 'general', '--ek-hash', tpm.ekFingerprint]);
    expect(enrolled).toMatchObject({ exitCode: 0, err: '' });
    expect(enrolled.out).toContain('1 node enrolled');
    const listed = await desk.muster(['nodes', 'list']);
    expect(listed.out).toMatch(/^NAME +POOL +RATING +STATE/);
    expect(listed.out).toMatch(/^worker-7 +general +default +enrolled +never-seen +- +-/m);
    const json = await desk.muster(['nodes', 'list', '--state', 'enrolled', '-o', 'json']);
    expect(JSON.parse(json.out)).toMatchObject({ nodes: [{ name: 'worker-7', ekFingerprint: tpm.ekFingerprint }] });
  });

  test('enrols many nodes or none, and is told every bad line', async () => {
    const rows = [`worker-20,general,${hash(20)}`, `worker-7,general,${hash(21)}`, `worker-22,none,${hash(22)}`];
    writeFileSync(join(desk.folder, 'nodes.csv'), `name,pool,ekPublicHash\n${rows.join('\n')}\n`);
    const refused = await desk.muster(['enrol', '--from', 'nodes.csv']);
    expect(refused.exitCode).toBe(65);
    expect(refused.err).toContain('2 of 3 cannot be enrolled');
    expect(refused.err).toMatch(/nodes\.csv:3: name: /);
    expect(refused.err).toMatch(/nodes\.csv:4: pool: /);
    expect((await desk.muster(['nodes', 'show', 'worker-20'])).exitCode).toBe(1);

    const good = [`worker-20,general,${hash(20)}`, `worker-21,general,${hash(21)}`];
    writeFileSync(join(desk.folder, 'nodes.csv'), `name,pool,ekPublicHash\n${good.join('\n')}\n`);
    const tried = await desk.muster(['enrol', '--from', 'nodes.csv', '--dry-run']);
    expect(tried.out).toContain('2 nodes could be enrolled; nothing was changed');
    expect((await desk.muster(['nodes', 'show', 'worker-20'])).exitCode).toBe(1);
    expect((await desk.muster(['enrol', '--from', 'nodes.csv'])).out).toContain('2 nodes enrolled');
    expect((await desk.muster(['nodes', 'show', 'worker-20'])).out).toMatch(/^State +enrolled$/m);
  });

  test('reads why a join was refused: every failed check, what it expected and what it found', async () => {
    const { running } = desk;
    const expected = running.tpm.readPcrs('sha256', [4])['4'] ?? '';
    running.tpm.extend(4, Buffer.from('another boot loader'));
    const found = running.tpm.readPcrs('sha256', [4])['4'] ?? '';
    const refused = await joinOverWire(running.node(), running.tpm);
    expect(refused.status).toBe(403);
    const shown = await desk.muster(['joins', 'show', requestIdOf(refused.json)]);
    expect(shown.out).toMatch(/^Outcome +refused$/m);
    expect(shown.out).toMatch(/^Told the node +evidence-rejected: The evidence was not accepted$/m);
    expect(shown.out).toMatch(/pcr-mismatch +PCR 4$/m);
    expect(shown.out).toMatch(new RegExp(`expected +${expected}`));
    expect(shown.out).toMatch(new RegExp(`found +${found}`));
    running.tpm.reset();
    const urn = await desk.muster(['joins', 'show', `urn:uuid:${requestIdOf(refused.json)}`, '-o', 'yaml']);
    expect(parse(urn.out)).toMatchObject({ outcome: 'refused', denials: [{ code: 'pcr-mismatch', pcr: 4 }] });
  });

  test('sees a stranger’s name for what it is: what the caller said', async () => {
    const refused = await joinOverWire(desk.running.node(), labTpm());
    const shown = await desk.muster(['joins', 'show', requestIdOf(refused.json)]);
    expect(shown.out).toContain('worker-7 (says the caller; no such node was proven)');
    expect(shown.out).toContain('ek-not-enrolled');
  });

  test('sees a join that was accepted, and the certificate', async () => {
    const joined = await joinOverWire(desk.running.node(), desk.running.tpm);
    expect(joined.status).toBe(201);
    const node = await desk.muster(['nodes', 'show', 'worker-7']);
    expect(node.out).toMatch(/^State +joined$/m);
    const request = /issued.* ([0-9a-f-]{36})$/m.exec(node.out)?.[1] ?? '';
    const shown = await desk.muster(['joins', 'show', request]);
    expect(shown.out).toMatch(/^Outcome +issued$/m);
    expect(shown.out).toMatch(/^Certificate +[0-9a-f]+$/m);
  });

  test('captures reference values into a new file, and never over an old one', async () => {
    const out = 'captured.yaml';
    const captured = await desk.muster(['reference', 'capture', '--node', 'worker-7', '--out', out]);
    expect(captured).toMatchObject({ exitCode: 0, out: '' });
    const text = readFileSync(join(desk.folder, out), 'utf8');
    const { pcrs } =
      desk.running.policy.pools.get([...desk.running.policy.pools.keys()][0] ?? never())?.tpm2 ?? never();
    expect(parse(text)).toMatchObject({
      kind: 'ReferenceValues',
      bank: 'sha256',
      pcrs: desk.running.tpm.readPcrs('sha256', pcrs),
    });

    const before = await desk.muster(['audit', 'tail', '-n', '1', '-o', 'json']);
    const again = await desk.muster(['reference', 'capture', '--node', 'worker-7', '--out', out]);
    expect(again.exitCode).toBe(73);
    expect(readFileSync(join(desk.folder, out), 'utf8')).toBe(text);
    expect((await desk.muster(['audit', 'tail', '-n', '1', '-o', 'json'])).out).toBe(before.out);
  });

  test('captures the PCRs alone that a pool has reference values for', async () => {
    const args = ['reference', 'capture', '--node', 'worker-7', '-o', 'json', '--pcrs'];
    const { out } = await desk.muster([...args, '7,0']);
    expect(JSON.parse(out)).toMatchObject({
      pcrs: expect.toSatisfy((pcrs: object) => Object.keys(pcrs).join() === '0,7'),
    });
    expect((await desk.muster([...args, '0,23'])).err).toContain('did not cover PCR 23');
  });

  test('reads a join fact by fact, as it was judged then and as it would be today', async () => {
    const { running } = desk;
    const found = running.tpm.readPcrs('sha256', [5])['5'] ?? '';
    const [issued] = await running.store.readAuditOfType('certificate.issued', { limit: 1 });
    const accepted = await desk.muster(['policy', 'explain', '--join', issued?.requestId ?? '']);
    expect(accepted.out).toMatch(/^Outcome +issued$/m);
    expect(accepted.out.match(new RegExp(`^PCR 5 +yes +${found} +as found`, 'gm'))).toHaveLength(2);
    expect(accepted.out).toMatch(/^Today, under policy [0-9a-f]{64}: admitted$/m);

    const [refusal] = await running.store.readAuditOfType('join.refused', { limit: 1 });
    const stranger = await desk.muster(['policy', 'explain', '--join', refusal?.requestId ?? '', '-o', 'json']);
    const explanation = joinExplanationSchema.parse(JSON.parse(stranger.out));
    expect(explanation).toMatchObject({ join: { outcome: 'refused' }, today: { verdict: 'refused' } });
    expect(explanation.atTheTime.facts.filter(({ ok }) => !ok).map(({ fact }) => fact)).toContain('EK');
    expect((await desk.muster(['policy', 'explain', '--join', '00000000-0000-4000-8000-000000000000'])).exitCode).toBe(
      1,
    );
  });

  test('learns before a change whom it would refuse, and whom it would admit', async () => {
    const { running, folder } = desk;
    const values = (change: object = {}) => JSON.stringify({ ...referenceValuesOf(running.tpm), ...change });
    const tpm2 = { pcrs: PCRS, referenceValues: ['now.yaml'], allowEkWithoutCertificate: true };
    const policy = (segments: readonly string[]) =>
      JSON.stringify({
        apiVersion: 'muster/v1',
        kind: 'Policy',
        pools: { general: { protectionRating: 'default', segments, tpm2 } },
      });
    const before = await running.store.auditHead();
    writeFileSync(join(folder, 'now.yaml'), values());
    writeFileSync(join(folder, 'next.yaml'), policy(['127.0.0.0/8']));
    const same = await desk.muster(['policy', 'test', 'next.yaml', '--against', '50']);
    expect(same).toMatchObject({ exitCode: 0, err: '' });
    expect(same.out).toContain('0 would be refused, 0 unknown, 0 newly admitted. Nothing was changed.');

    // The join with another boot loader was refused; these values would have admitted it, and nobody else.
    const [altered] = (await running.store.readAuditOfType('join.refused', { limit: 50 }))
      .map(({ nodeName, facts }) => (nodeName === undefined ? undefined : facts['evidence']))
      .flatMap((facts) => recordedEvidenceSchema.safeParse(facts).data ?? []);
    writeFileSync(join(folder, 'now.yaml'), values({ pcrs: altered?.pcrs }));
    const swapped = await desk.muster(['policy', 'test', 'next.yaml', '--against', '50']);
    expect(swapped.exitCode).toBe(1);
    expect(swapped.out).toMatch(
      /^Admitted then, and would be refused:\n {2}worker-7 \(general\), .*\n {4}pcr-mismatch PCR 4 wanted/m,
    );
    expect(swapped.out).toMatch(/^Refused then, and would be admitted:\n {2}worker-7 \(general\).* by now$/m);

    writeFileSync(join(folder, 'now.yaml'), values());
    writeFileSync(join(folder, 'next.yaml'), policy(['10.0.0.0/8']));
    const elsewhere = await desk.muster(['policy', 'test', 'next.yaml']);
    expect(elsewhere.exitCode).toBe(1);
    expect(elsewhere.out).toContain('origin-refused found 127.0.0.1');

    writeFileSync(join(folder, 'next.yaml'), 'kind: Policy');
    expect((await desk.muster(['policy', 'test', 'next.yaml'])).exitCode).toBe(65);
    expect(await running.store.auditHead()).toEqual(before);
  });

  test('sees what is known as good, and takes it back for good', async () => {
    const list = await desk.muster(['reference', 'list']);
    expect(list.out).toMatch(/^now +edge,general +valid +- +- +1 /m);
    const status = await desk.muster(['policy', 'status']);
    expect(status).toMatchObject({ exitCode: 0 });
    expect(status.out).toMatch(/^general +default +sha256:0,1,2,3,4,5,7 +now$/m);
    expect((await desk.muster(['reference', 'retire', 'never'])).exitCode).toBe(1);
    expect((await desk.muster(['reference', 'retire', 'now'], { role: 'viewer' })).exitCode).toBe(77);

    const retired = await desk.muster(['reference', 'retire', 'now']);
    expect(retired).toMatchObject({ exitCode: 0 });
    expect(retired.out).toContain('Pool general has no valid reference values: nobody joins it.');
    expect((await desk.muster(['reference', 'list'])).out).toMatch(/^now +edge,general +retired/m);
    expect((await desk.muster(['reference', 'retire', 'now'])).exitCode).toBe(1);
  });

  test.each([
    [['reference', 'capture'], 64],
    [['reference', 'capture', '--node', 'worker-7', '--join', 'x'], 64],
    [['reference', 'capture', '--node', 'worker-7', '--pcrs', '0,23'], 65],
    [['reference', 'capture', '--node', 'worker-7', '--pcrs', '0,24'], 64],
    [['reference', 'capture', '--node', 'worker-20'], 1],
    [['nodes', 'show', 'nobody'], 1],
    [['joins', 'show', '00000000-0000-4000-8000-000000000000'], 1],
    [['joins', 'show', 'not-an-id'], 65],
  ])('is told by the exit code what came of %j', async (args, exitCode) => {
    const seen = await desk.muster(args);
    expect(seen.exitCode).toBe(exitCode);
    expect(seen.err).not.toContain('bug');
  });

  test('follows the log until told to stop', async () => {
    const stop = new AbortController();
    const following = desk.muster(['audit', 'tail', '--follow', '-n', '1', '-o', 'json'], { stop: stop.signal });
    stop.abort();
    const { exitCode, out } = await following;
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toHaveProperty('sequence');
  });

  test('may do what the role includes and nothing else', async () => {
    expect((await desk.muster(['nodes', 'list'], { role: 'viewer' })).exitCode).toBe(0);
    for (const args of [
      ['audit', 'tail'],
      ['enrol', 'x', '--pool', 'general', '--ek-hash', hash(9)],
    ]) {
      const seen = await desk.muster(args, { role: 'viewer' });
      expect(seen.exitCode).toBe(77);
      expect(seen.err).toContain('Your role does not include this');
    }
  });
});

describe('a service that cannot be spoken to', () => {
  test('is not there', async () => {
    const identity = await desk.running.administrator();
    const context = desk.writeContext('nowhere', identity, { url: 'https://127.0.0.1:1' });
    const seen = await desk.muster(['--context-file', context, 'nodes', 'list']);
    expect(seen).toMatchObject({ exitCode: 69 });
    expect(seen.err).toContain('nothing listens at https://127.0.0.1:1');
  });

  test('has a certificate from another CA: nothing is sent', async () => {
    const identity = await desk.running.administrator();
    const context = desk.writeContext('other', identity, { caPem: identity.certificatePem });
    const seen = await desk.muster(['--context-file', context, 'nodes', 'list']);
    expect(seen.exitCode).toBe(78);
    expect(seen.err).toContain('does not come from the CA');
  });

  test('does not know the administrator', async () => {
    await using other = await openDesk();
    const stranger = await other.running.administrator();
    for (const identity of [stranger, await removed()]) {
      const seen = await desk.muster(['--context-file', desk.writeContext('stranger', identity), 'nodes', 'list']);
      expect(seen).toMatchObject({ exitCode: 77 });
    }
  });

  test('answers with something else', async () => {
    const { host, port } = desk.running.service.node;
    const context = desk.writeContext('wrong', await desk.running.administrator(), { url: `https://${host}:${port}` });
    const seen = await desk.muster(['--context-file', context, 'nodes', 'list']);
    expect(seen.exitCode).toBe(1);
  });
});

/** An administrator whose certificate is good and who is on the list no more. */
async function removed() {
  const identity = await desk.running.administrator('viewer', 'bob');
  desk.running.list();
  return identity;
}

test('what a command prints for programs has no colours, on a terminal too', async () => {
  await using own = await openDesk();
  const seen = await own.muster(['nodes', 'list', '-o', 'json'], { terminal: true });
  expect(JSON.parse(seen.out)).toEqual({ nodes: [] });
  expect(existsSync(join(own.folder, 'cli-state.json'))).toBe(false);
  expect(toHex(Buffer.from(seen.out))).not.toContain('1b5b');
});

function never(): never {
  throw new Error('the lab has a pool');
}
