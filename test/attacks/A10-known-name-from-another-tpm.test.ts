import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { enrol } from '#test/lab/join-lab.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { answerName, FIRST, recordedDenials, type TwoNodes, twoNodes } from '#test/lab/two-nodes.ts';
import { joinOverWire } from '#test/lab/wire.ts';

describe('A10 a known node name from another TPM', () => {
  let scene: TwoNodes;

  beforeAll(async () => {
    scene = await twoNodes();
  });

  afterAll(() => scene[Symbol.asyncDispose]());

  const record = async () => {
    const nodes = await scene.running.store.listNodes({}, { limit: 10 });
    return nodes.find(({ name }) => name === FIRST);
  };

  test('A10 the node itself joins', async () => {
    expect(answerName(await joinOverWire(scene.client, scene.first))).toBe('ok');
  });

  test.each<[string, () => ReturnType<typeof labTpm>, string]>([
    ['that nobody enrolled', () => labTpm(), 'ek-not-enrolled'],
    ['that is enrolled for another node', () => scene.second, 'node-name-mismatch'],
  ])('A10 a TPM %s is refused and on record, and the node is unharmed', async (_, tpm, denial) => {
    const before = await record();
    expect(answerName(await joinOverWire(scene.client, tpm(), { name: FIRST }))).toBe('evidence-rejected');
    expect((await recordedDenials(scene.running)).at(-1)).toBe(denial);
    const refusal = (await scene.running.store.readAudit(0, 1_000)).at(-1);
    expect(refusal).toMatchObject({ type: 'join.refused', facts: { claimedNodeName: FIRST } });
    expect(await record()).toEqual(before);
    expect(answerName(await joinOverWire(scene.client, scene.first))).toBe('ok');
  });

  test('A10 nor can the name be enrolled a second time, by an administrator who was asked nicely', async () => {
    await expect(enrol(scene.running.store, labTpm(), { name: FIRST })).rejects.toThrow('not enrolled');
    const body = { nodes: [{ name: FIRST, pool: 'general', ekPublicHash: labTpm().ekFingerprint }] };
    const admin = scene.running.admin(await scene.running.administrator());
    expect(await admin.send({ method: 'POST', path: '/v1/enrolments', body })).toMatchObject({ status: 409 });
    expect((await record())?.ekFingerprint).toBe(scene.first.ekFingerprint);
    expect(answerName(await joinOverWire(scene.client, scene.first))).toBe('ok');
  });
});
