import { describe, expect, test } from 'vitest';

import { toHex, utf8 } from '#core/bytes.ts';
import { sha256 } from '#core/digest.ts';
import { EXPORTED_EVENTS } from '#services/audit-export/exported-events.ts';
import { ocsfEvent } from '#services/audit-export/ocsf-event.ts';
import { labRecord } from '#test/lab/audit-records.ts';
import { ocsfFaults } from '#test/lab/ocsf-schema.ts';
import { labRequestId } from '#test/lab/store-values.ts';

const SOURCE = { audience: 'muster.lab.example', version: '1.2.3' };
/** Facts by the names that events look for. */
const FACTS = {
  nodeId: 'a-node',
  serial: '7a',
  candidateId: 'a-candidate',
  tokenId: 'a-token',
  policyVersion: '5',
  signing: 'ab',
  name: 'debian@3',
  method: 'GET',
  path: '/v1/nodes',
  reason: 'because',
};
const event = (type: string, override: Parameters<typeof labRecord>[0] = {}) =>
  ocsfEvent(labRecord({ type, ...override }), SOURCE);

describe('an event of OCSF', () => {
  const types = Object.keys(EXPORTED_EVENTS);
  const given = [
    ['everything', { nodeName: 'worker-1', address: '10.1.2.3', requestId: labRequestId(1), facts: FACTS }],
    ['nothing', { facts: {} }],
  ] as const;
  test.each(given.flatMap(([what, override]) => types.map((type) => [type, what, override] as const)))(
    'of %s, with %s that it can have, is valid',
    (type, _, override) => {
      expect(ocsfFaults(event(type, override))).toEqual([]);
    },
  );

  test.each(['service', 'admin:alice', 'node:worker-1', 'token:t1', 'anonymous', 'somebody:else'])(
    'done by %s is valid',
    (actor) => {
      for (const type of types) expect(ocsfFaults(event(type, { actor }))).toEqual([]);
    },
  );

  test.each(['::1', 'unrecognised', '10.0.0.1'])('from the address %s is valid', (address) => {
    expect(ocsfFaults(event('join.refused', { address }))).toEqual([]);
  });

  test('of a type that this release does not know is valid, and there', () => {
    const made = event('node.renamed');
    expect(ocsfFaults(made)).toEqual([]);
    expect(made).toMatchObject({ class_uid: 0, metadata: { event_code: 'node.renamed' } });
  });

  test('is what the schema says and not what it happens to be: the laboratory’s validator finds faults', () => {
    const good = event('node.barred', { nodeName: 'worker-1', facts: FACTS });
    const faulty: readonly [object, string][] = [
      [{ ...good, entity: undefined }, 'entity: required'],
      [{ ...good, severity: 'Worst' }, 'severity: not the number’s caption'],
      [{ ...good, activity_id: 77, type_uid: 300_477 }, 'activity_id: not in its list'],
      [{ ...good, nodeName: 'x' }, 'nodeName: no such attribute'],
      [{ ...good, actor: {} }, 'actor.: none of process,user,invoked_by,session,app_name,app_uid'],
    ];
    for (const [event_, fault] of faulty) expect(ocsfFaults(event_)).toContain(fault);
  });

  test('carries what the record’s hash seals, the hash, and the place in the chain', () => {
    const record = labRecord({ type: 'node.barred', facts: { text: 'Ünïcødé "\u0001' } });
    const made = ocsfEvent(record, SOURCE);
    expect(made).toMatchObject({
      metadata: { sequence: 1, uid: record.hash, product: { uid: SOURCE.audience, version: '1.2.3' } },
      raw_data_hash: { algorithm_id: 3, value: record.hash },
      unmapped: { previous_hash: record.previousHash, facts: record.facts },
    });
    const { raw_data: text } = made as { raw_data: string };
    expect(toHex(sha256(utf8(text)))).toBe(record.hash);
  });

  test('tells who, whence, when and what about', () => {
    const made = event('node.barred', {
      actor: 'admin:alice',
      address: '10.1.2.3',
      nodeName: 'worker-1',
      requestId: labRequestId(1),
      at: new Date('2026-11-21T12:00:00.123Z'),
      facts: { nodeId: 'n1', reason: 'key-compromise' },
    });
    expect(made).toMatchObject({
      type_uid: 300_409,
      time: 1_795_262_400_123,
      message: 'A node was barred: worker-1',
      status_detail: 'key-compromise',
      actor: { user: { name: 'alice', type: 'Admin' } },
      src_endpoint: { ip: '10.1.2.3' },
      metadata: { event_code: 'node.barred', correlation_uid: labRequestId(1) },
      entity: { type: 'Device', name: 'worker-1', uid: 'n1', device: { name: 'worker-1' } },
    });
  });

  test('names a stranger by what was claimed, in an authentication that failed', () => {
    const made = event('join.refused', {
      actor: 'anonymous',
      facts: { claimedNodeName: 'worker-9', problem: 'evidence-rejected' },
    });
    expect(made).toMatchObject({
      class_uid: 3002,
      status: 'Failure',
      status_detail: 'evidence-rejected',
      user: { name: 'worker-9' },
    });
  });

  test('of a record that somebody gave a time that is none is still an event', () => {
    const record = { ...labRecord({ type: 'node.barred' }), at: new Date(Number.NaN) };
    expect(ocsfFaults(ocsfEvent(record, SOURCE))).toEqual([]);
  });
});
