import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { candidateListSchema } from '#protocol/candidates.ts';
import { enrol, labJoinPolicy } from '#test/lab/join-lab.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { joinOverWire } from '#test/lab/wire.ts';

import { type Desk, openDesk } from './administrator-desk.ts';

let desk: Desk;
beforeAll(async () => {
  const tpm = labTpm();
  desk = await openDesk({ tpm, policy: labJoinPolicy(tpm, { admission: 'approval' }) });
});
afterAll(() => desk[Symbol.asyncDispose]());

const ask = async (tpm = labTpm(), name = 'worker-9') => {
  const answer = await joinOverWire(desk.running.node(), tpm, { name });
  return { tpm, answer };
};

const waiting = async () => {
  const { out } = await desk.muster(['nodes', 'pending', '-o', 'json']);
  return candidateListSchema.parse(JSON.parse(out)).candidates;
};

describe('an administrator, of machines that wait', () => {
  test('is told when none does', async () => {
    expect(await desk.muster(['nodes', 'pending'])).toMatchObject({
      exitCode: 0,
      out: 'No machine waits for approval.\n',
    });
  });

  test('sees what each proved, approves it by the name that it claims, and it joins by itself', async () => {
    const { tpm, answer } = await ask();
    expect([answer.status, answer.json]).toEqual([202, { status: 'awaiting-approval', retryAfterSeconds: 30 }]);
    const listed = await desk.muster(['nodes', 'pending']);
    expect(listed.out).toMatch(/^[0-9a-f]{8} +worker-9\? +general +127\.0\.0\.1 +not certified +now +.* 1 +waiting$/m);
    const shown = await desk.muster(['nodes', 'pending', 'worker-9']);
    expect(shown.out).toMatch(/^says it is +worker-9$/m);
    expect(shown.out).toContain(tpm.ekFingerprint);
    expect(shown.out).toContain('nobody: any program can make such an EK');
    const approved = await desk.muster(['nodes', 'approve', 'worker-9']);
    expect(approved).toMatchObject({ exitCode: 0, out: 'worker-9 of pool general may join.\n' });
    expect((await ask(tpm)).answer.status).toBe(201);
    expect(await waiting()).toEqual([]);
    const shownNode = await desk.muster(['nodes', 'show', 'worker-9']);
    expect(shownNode.out).toContain('candidate.approved');
  });

  test('has to give a name where the machine is approved by its id, and is warned where it is another', async () => {
    await ask(labTpm(), 'worker-10');
    const [candidate] = await waiting();
    const id = candidate?.id ?? '';
    const unnamed = await desk.muster(['nodes', 'approve', id.slice(0, 8)]);
    expect(unnamed.exitCode).toBe(64);
    expect(unnamed.err).toContain('nobody has confirmed that');
    const named = await desk.muster(['nodes', 'approve', id, '--name', 'worker-11', '--pool', 'edge']);
    expect(named.out).toContain('worker-11 of pool edge may join.');
    expect(named.out).toContain('it is refused until its agent is configured as worker-11');
  });

  test('gives the name also where another program than this one approves', async () => {
    await ask(labTpm(), 'worker-18');
    const [candidate] = await waiting();
    const client = desk.running.admin(await desk.running.administrator('operator', 'bob'));
    const approve = (body: object) =>
      client.send({ method: 'POST', path: `/v1/candidates/${candidate?.id ?? ''}/approve`, body });
    expect((await approve({ revision: 1 })).problem).toBe('malformed-request');
    expect((await approve({ revision: 1, name: 'worker-18', pool: 'gpu' })).problem).toBe('malformed-request');
    expect((await approve({ revision: 2, name: 'worker-18' })).problem).toBe('precondition-failed');
    expect((await approve({ revision: 1, name: 'worker-18' })).status).toBe(200);
    expect((await approve({ revision: 1, name: 'worker-18' })).problem).toBe('not-found');
  });

  test('has to say what was seen of a machine that changed since it was first seen', async () => {
    const { tpm } = await ask(labTpm(), 'worker-12');
    await ask(tpm, 'worker-13');
    const shown = await desk.muster(['nodes', 'pending', 'worker-13']);
    expect(shown.out).toContain('claimedNodeName was worker-12, is worker-13');
    const careless = await desk.muster(['nodes', 'approve', 'worker-13']);
    expect(careless.exitCode).toBe(64);
    expect(careless.err).toContain('--revision 2');
    const stale = await desk.muster(['nodes', 'approve', 'worker-13', '--revision', '1']);
    expect(stale.exitCode).not.toBe(0);
    expect((await desk.muster(['nodes', 'approve', 'worker-13', '--revision', '2'])).exitCode).toBe(0);
    expect((await ask(tpm, 'worker-13')).answer.status).toBe(201);
  });

  test('cannot give it the name of another node', async () => {
    await enrol(desk.running.store, labTpm(), { name: 'worker-14' });
    await ask(labTpm(), 'worker-14');
    const refused = await desk.muster(['nodes', 'approve', 'worker-14']);
    expect(refused.exitCode).not.toBe(0);
    expect((await waiting()).map(({ proof }) => proof.claimedNodeName)).toEqual(['worker-14']);
    expect((await desk.muster(['nodes', 'refuse', 'worker-14', '--reason', 'the name is taken'])).exitCode).toBe(0);
  });

  test('refuses a machine with a reason, which it is not told', async () => {
    const { tpm } = await ask(labTpm(), 'worker-15');
    expect((await desk.muster(['nodes', 'refuse', 'worker-15', '--reason', 'not in the plan'])).out).toMatch(
      /^Refused until /,
    );
    const { answer } = await ask(tpm, 'worker-15');
    expect([answer.status, answer.problem]).toEqual([403, 'evidence-rejected']);
    expect(answer.text).not.toContain('plan');
    const shown = await desk.muster(['nodes', 'pending', 'worker-15']);
    expect(shown.out).toMatch(/^refused +by .*: not in the plan$/m);
    expect((await desk.muster(['nodes', 'refuse', 'worker-15', '--reason', 'again'])).exitCode).toBe(1);
  });

  test.each(['viewer', 'auditor', 'policy-author'])('may look as %s, and say nothing', async (role) => {
    await ask(labTpm(), 'worker-16');
    expect((await desk.muster(['nodes', 'pending'], { role })).exitCode).toBe(0);
    const approved = await desk.muster(['nodes', 'approve', (await waiting())[0]?.id ?? '', '--name', 'worker-16'], {
      role,
    });
    const refused = await desk.muster(['nodes', 'refuse', (await waiting())[0]?.id ?? '', '--reason', 'no'], { role });
    expect([approved.exitCode, refused.exitCode]).toEqual([77, 77]);
  });

  test('is told where no machine, or more than one, is meant', async () => {
    expect((await desk.muster(['nodes', 'approve', 'worker-99'])).exitCode).toBe(1);
    await ask(labTpm(), 'worker-17');
    await ask(labTpm(), 'worker-17');
    const both = await desk.muster(['nodes', 'approve', 'worker-17']);
    expect(both.exitCode).toBe(64);
    expect(both.err).toContain('2 machines wait under worker-17');
  });
});
