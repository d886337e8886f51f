import { beforeEach, describe, expect, test } from 'vitest';

import type { NodeChange } from '#core/node-life.ts';
import { certificateFingerprint } from '#core/ids.ts';
import { storeSnapshotSource } from '#services/kubernetes/snapshot-source.ts';
import { enrol, join, type JoinLab, joinLab, nodeName, told } from '#test/lab/join-lab.ts';
import { changeNode } from '#test/lab/revocation-lab.ts';
import { labTpm, type LabTpm } from '#test/lab/software-tpm.ts';

let lab: JoinLab;
let tpm: LabTpm;
let node: { readonly id: JoinLab['node']['id']; readonly name: string };
let fingerprint: string;
beforeEach(async () => {
  lab = await joinLab();
  tpm = labTpm();
  node = await enrol(lab.store, tpm, { name: 'worker-1' });
  const outcome = await join({ deps: lab.deps, tpm }, { name: 'worker-1' });
  if (!outcome.ok) throw new Error('it joins');
  fingerprint = certificateFingerprint(outcome.admitted.certificate.der);
});

const renew = async () => told(await join({ deps: lab.deps, tpm }, { name: 'worker-1' }));
const change = (what: NodeChange) => changeNode(lab.store, node, what, { at: lab.clock.now() });
const snapshot = async (): Promise<string> => {
  const known = await storeSnapshotSource(lab.store, lab.clock.now).node(nodeName('worker-1'));
  if (known === undefined) return 'unknown';
  return `${known.state} ${known.current.some((one) => one.fingerprint === fingerprint) ? 'allowed' : 'not allowed'}`;
};

describe('a node whose standing was changed', () => {
  test.for<[readonly NodeChange[], string, string]>([
    [[], 'ok', 'joined allowed'],
    [['quarantine'], 'evidence-rejected', 'quarantined not allowed'],
    [['quarantine', 'release'], 'ok', 'joined allowed'],
    [['bar'], 'node-barred', 'barred not allowed'],
    [['bar', 'unbar'], 'ok', 'enrolled not allowed'],
    [['quarantine', 'bar', 'unbar'], 'evidence-rejected', 'quarantined not allowed'],
    [['retire'], 'evidence-rejected', 'unknown'],
  ])('by %j renews: %2$s; the authorizer hears: %3$s', async ([changes, renewal, heard]) => {
    for (const what of changes) await change(what);
    expect(await snapshot()).toBe(heard);
    expect(await renew()).toBe(renewal);
  });

  test('is told of to authorizers with every change', async () => {
    const source = storeSnapshotSource(lab.store, lab.clock.now);
    for (const what of ['quarantine', 'release', 'bar', 'unbar', 'retire'] as const) {
      const before = await source.currentChange();
      await change(what);
      const changes = await source.changesAfter(before);
      expect([...(changes?.names ?? [])]).toEqual(['worker-1']);
    }
  });

  test('gets no certificate when it is barred while its join is under way', async () => {
    const outcome = await join(
      {
        deps: {
          ...lab.deps,
          reserveSerial: async (...intent) => {
            await lab.store.reserveSerial(...intent);
            await change('bar');
          },
        },
        tpm,
      },
      { name: 'worker-1' },
    ).then(told);
    expect(outcome).toBe('evidence-rejected');
    expect((await lab.store.readAuditOfNode(nodeName('worker-1'), 1)).at(0)).toMatchObject({
      type: 'join.refused',
      facts: { reason: 'the node’s standing changed while its join was under way' },
    });
    const certificates = await lab.store.listCertificates(node.id, 10);
    expect(certificates.map(({ state }) => state)).toEqual(['revoked', 'revoked']);
    const listed = await lab.store.listRevocations(undefined, 10);
    expect(new Set(listed.map(({ serial }) => serial))).toEqual(new Set(certificates.map(({ serial }) => serial)));
  });

  test('keeps the certificate that it has when a quarantine overtakes its renewal and ends', async () => {
    const reserveSerial: JoinLab['deps']['reserveSerial'] = async (...intent) => {
      await lab.store.reserveSerial(...intent);
      await change('quarantine');
    };
    lab.clock.advance(60_000);
    const outcome = await join({ deps: { ...lab.deps, reserveSerial }, tpm }, { name: 'worker-1' });
    expect(told(outcome)).toBe('evidence-rejected');
    expect(await snapshot()).toBe('quarantined not allowed');
    await change('release');
    expect(await snapshot()).toBe('joined allowed');
  });
});
