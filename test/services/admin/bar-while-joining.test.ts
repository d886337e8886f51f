import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { newRequestId, type NodeId } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import type { JoinRequest } from '#protocol/join.ts';
import { nodeChangeRequestSchema } from '#protocol/revocation.ts';
import { changeNodes } from '#services/admin/change-nodes.ts';
import { ocspStatus } from '#services/revocation/ocsp-answers.ts';
import { storeSnapshotSource } from '#services/kubernetes/snapshot-source.ts';
import { openSqliteStore } from '#services/store/sqlite/sqlite-store.ts';
import type { Store } from '#services/store/store.ts';
import {
  answerOf,
  challengeFor,
  challengeRequestOf,
  enrol,
  type JoinLab,
  joinLabOver,
  nodeName,
  submit,
  told,
} from '#test/lab/join-lab.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { labStorePath } from '#test/lab/sqlite-store.ts';

const RACES = 100;

/** The store that is deployed: with its thread, and commits that several changes share. */
let lab: JoinLab<Store>;
let remove: () => void;
beforeAll(async () => {
  const place = labStorePath();
  ({ remove } = place);
  lab = await joinLabOver({ store: await openSqliteStore({ path: place.path }) });
});
afterAll(async () => {
  await lab.store[Symbol.asyncDispose]();
  remove();
});

/** Passes the time in turns of the event loop, which are finer than timers. */
async function pass(ms: number): Promise<void> {
  const end = performance.now() + ms;
  while (performance.now() < end) await new Promise((resolve) => setImmediate(resolve));
}

interface Racer {
  readonly id: NodeId;
  readonly name: string;
  readonly request: JoinRequest;
}

async function racer(name: string): Promise<Racer> {
  const { store, deps } = lab;
  const tpm = labTpm();
  const { id } = await enrol(store, tpm, { name });
  const challenge = await challengeFor({ deps, tpm }, { request: challengeRequestOf(tpm, name) });
  return { id, name, request: answerOf(challenge, tpm, { name }) };
}

/** How long a join takes that nothing disturbs. */
async function joinMs(): Promise<number> {
  const took: number[] = [];
  for (const name of ['alone-1', 'alone-2', 'alone-3']) {
    const { request } = await racer(name);
    const start = performance.now();
    expect(told(await submit(lab, request))).toBe('ok');
    took.push(performance.now() - start);
  }
  return Math.max(...took);
}

async function assertBarred({ id, name }: Racer): Promise<void> {
  const { store } = lab;
  const record = await store.findNode(id);
  const certificates = await store.listCertificates(id, 10);
  expect(record?.state).toBe('barred');
  expect(certificates.filter(({ state }) => state === 'issued' || state === 'signing')).toEqual([]);
  for (const { serial } of certificates) {
    expect((await ocspStatus(store, serial, lab.ca.issuing)).status).toBe('revoked');
  }
  const authorizer = await storeSnapshotSource(store, lab.clock.now).node(nodeName(name));
  expect([...(authorizer?.current ?? []), ...(authorizer?.previous ?? [])]).toEqual([]);
  // Nothing half done: every certificate has its intent on record, and the bar has its record.
  const types = (await store.readAuditOfNode(nodeName(name), 100)).map(({ type }) => type);
  expect(types.filter((type) => type === 'node.barred')).toHaveLength(1);
  expect(types.filter((type) => type === 'certificate.signing')).toHaveLength(certificates.length);
}

describe('a bar and a join of one node at the same time', () => {
  test(
    `leave the node barred and nothing of it good, ${RACES} times, whoever comes first`,
    { timeout: 60_000 },
    async () => {
      const { store, clock } = lab;
      const wholeMs = await joinMs();
      const answers = new Set<string>();
      for (let race = 0; race < RACES; race += 1) {
        const one = await racer(`racer-${race}`);
        const asker = { name: 'alice', requestId: newRequestId(systemRandom), address: '192.0.2.1' };
        const bar = async () => {
          // A little later in each race than in the one before, so that it meets every part of the join, and its end.
          await pass((1.5 * wholeMs * race) / RACES);
          const wanted = nodeChangeRequestSchema.parse({ change: 'bar', nodes: [one.name] });
          return changeNodes({ now: clock.now, store }, wanted, asker);
        };
        const [joined, barred] = await Promise.all([submit(lab, one.request), bar()]);
        expect(barred.ok).toBe(true);
        answers.add(told(joined));
        await assertBarred(one);
      }
      // They were races: some joins were first, and some were not.
      expect(answers.has('ok')).toBe(true);
      expect(answers.has('node-barred') || answers.has('evidence-rejected')).toBe(true);
    },
  );
});
