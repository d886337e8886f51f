import { describe, expect, test } from 'vitest';

import { enrol, join, joinLab, told } from '#test/lab/join-lab.ts';
import { runService } from '#test/lab/running-service.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { joinOverWire } from '#test/lab/wire.ts';

describe('T50 one node name for two TPMs', () => {
  test('T50 the TPM that the name is enrolled with joins', async () => {
    expect(told(await join(await joinLab()))).toBe('ok');
  });

  test('T50 a hundred administrators enrol one name at once, each with another EK: one is heard, the others are told', async () => {
    await using running = await runService();
    const eks = Array.from({ length: 100 }, (_, index) => index.toString(16).padStart(64, '0'));
    const answers = await Promise.all(
      eks.map(async (ekPublicHash) => {
        const body = { nodes: [{ name: 'worker-9', pool: 'general', ekPublicHash }] };
        const client = running.admin(await running.administrator('operator'));
        return client.send({ method: 'POST', path: '/v1/enrolments', body });
      }),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    expect(statuses.filter((status) => status === 409)).toHaveLength(99);
    const records = await running.store.readAudit(0, 10_000);
    expect(records.filter(({ type }) => type === 'enrolment.refused')).toHaveLength(99);
    const nodes = await running.store.listNodes({}, { limit: 10 });
    expect(nodes.map(({ ekFingerprint }) => ekFingerprint)).toEqual([eks[statuses.indexOf(201)]]);
  });

  test('T50 another TPM that claims the name is refused and recorded, and the node joins as before', async () => {
    await using running = await runService();
    await enrol(running.store, running.tpm);
    const impostor = labTpm();
    const answers = await Promise.all([
      joinOverWire(running.node(), running.tpm),
      joinOverWire(running.node(), impostor),
      joinOverWire(running.node(), running.tpm),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([201, 403, 201]);
    const refused = (await running.store.readAudit(0, 1_000)).filter(({ type }) => type === 'join.refused');
    expect(refused).toMatchObject([
      {
        actor: 'anonymous',
        facts: {
          claimedNodeName: 'worker-7',
          ekFingerprint: impostor.ekFingerprint,
          denials: [{ code: 'ek-not-enrolled' }],
        },
      },
    ]);
    const [node] = await running.store.listNodes({}, { limit: 10 });
    expect(node).toMatchObject({ ekFingerprint: running.tpm.ekFingerprint, state: 'joined' });
  });
});
