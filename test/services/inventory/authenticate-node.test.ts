import { describe, expect, test } from 'vitest';

import { utf8 } from '#core/bytes.ts';
import { certificateFingerprint } from '#core/ids.ts';
import type { NodeState } from '#core/node-record.ts';
import { authenticateNode } from '#services/inventory/authenticate-node.ts';
import { newNodeRecord } from '#services/store/new-node-record.ts';
import { afterNoon, labEnrolment, labIntent, labIssued, NOON } from '#test/lab/store-values.ts';

const { serial, fingerprint, notBefore, notAfter } = labIssued(1);
const shown = { serial, fingerprint, notBefore, notAfter };
const recorded = { ...labIntent(1), ...labIssued(1), state: 'issued' as const };

describe('authenticating a node', () => {
  test.each([
    { given: 'a certificate on record', result: 'ok' },
    { given: 'no certificate', certificate: undefined, result: 'authentication-required' },
    { given: 'its last second', now: notAfter, result: 'ok' },
    { given: 'the moment after', now: new Date(notAfter.getTime() + 1), result: 'authentication-required' },
    { given: 'its first second', now: notBefore, result: 'ok' },
    { given: 'the moment before', now: new Date(notBefore.getTime() - 1), result: 'authentication-required' },
    { given: 'an unknown serial', record: undefined, result: 'authentication-required' },
    {
      given: 'the serial of another certificate',
      record: { ...recorded, fingerprint: certificateFingerprint(utf8('another')) },
      result: 'authentication-required',
    },
    { given: 'an intent', record: { ...recorded, fingerprint: undefined }, result: 'authentication-required' },
    { given: 'a revoked one', record: { ...recorded, state: 'revoked' as const }, result: 'authentication-required' },
    {
      given: 'an orphaned one',
      record: { ...recorded, state: 'orphaned' as const },
      result: 'authentication-required',
    },
    { given: 'a barred node', state: 'barred' as const, result: 'node-barred' },
    {
      given: 'a barred node with its certificate revoked',
      state: 'barred' as const,
      record: { ...recorded, state: 'revoked' as const },
      result: 'node-barred',
    },
    { given: 'a quarantined node', state: 'quarantined' as const, result: 'permission-denied' },
    {
      given: 'a quarantined node whose certificate is on hold',
      state: 'quarantined' as const,
      record: { ...recorded, state: 'revoked' as const },
      result: 'permission-denied',
    },
    { given: 'a retired node', state: 'retired' as const, result: 'permission-denied' },
    { given: 'a pending node', state: 'pending' as const, result: 'permission-denied' },
    { given: 'a node that never joined', state: 'enrolled' as const, result: 'permission-denied' },
    { given: 'no node', state: undefined, result: 'permission-denied' },
  ])('given $given: $result', async (row) => {
    const { certificate, record, state, now } = {
      certificate: shown,
      record: recorded,
      state: 'joined',
      now: NOON,
      ...row,
    };
    const node = (as: NodeState | undefined) =>
      as === undefined ? undefined : { ...newNodeRecord(labEnrolment(1), 'admin:alice', afterNoon(-60)), state: as };
    const store = {
      findCertificate: () => Promise.resolve(record),
      findNode: () => Promise.resolve(node(state as NodeState | undefined)),
    };
    const authentication = await authenticateNode(store, certificate, now);
    expect(authentication.ok ? 'ok' : authentication.problem).toBe(row.result);
  });
});
