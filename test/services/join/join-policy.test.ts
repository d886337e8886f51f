import { describe, expect, test } from 'vitest';

import { joinPolicy } from '#services/join/join-policy.ts';
import {
  auditOf,
  askChallenge,
  challengeFor,
  answerOf,
  joinLab,
  labJoinPolicy,
  origin,
  poolName,
  submit,
  told,
} from '#test/lab/join-lab.ts';
import { labTpm } from '#test/lab/software-tpm.ts';

const GENERAL = poolName('general');

const SEGMENTS = [
  '10.1.0.0/16',
  { cidr: '10.3.0.0/16', class: 'partner' },
  { cidr: '10.4.0.0/16', class: 'public' },
  { cidr: '10.5.0.0/16', class: 'end-user' },
  { cidr: '10.1.9.0/24', class: 'end-user' },
  { cidr: 'fd00:5::/32', class: 'public' },
];

const inForce = (pool: object) => joinPolicy(labJoinPolicy(labTpm(), { segments: SEGMENTS, ...pool }));

describe('a pool takes joins', () => {
  test.each<[string, object, string, boolean]>([
    ['from a range alone, which is internal', {}, '10.1.0.1', true],
    ['from a partner’s network', {}, '10.3.0.1', true],
    ['from no public network', {}, '10.4.0.1', false],
    ['from no public network on IPv6', {}, 'fd00:5::1', false],
    ['from no network of end users', {}, '10.5.0.1', false],
    ['from no network of end users inside an internal one', {}, '10.1.9.1', false],
    ['from no address in none of its segments', {}, '10.6.0.1', false],
    ['from a public network where it names that class', { acceptClasses: ['internal', 'public'] }, '10.4.0.1', true],
    ['from end users where it names that class', { acceptClasses: ['end-user'] }, '10.5.0.1', true],
    ['from no class that it leaves out', { acceptClasses: ['end-user'] }, '10.1.0.1', false],
    ['from nowhere where it names no class', { acceptClasses: [] }, '10.1.0.1', false],
  ])('%s', (_, pool, address, admitted) => {
    const policy = inForce(pool);
    expect(policy.admitsTo(GENERAL, origin(address))).toBe(admitted);
    expect(policy.admitsFrom(origin(address))).toBe(admitted);
  });

  test('or says why not, for the audit log', () => {
    const policy = inForce({});
    expect(policy.whyRefused(origin('10.4.0.1'), GENERAL)).toBe(
      'in a segment of class public, which pool general does not take joins from',
    );
    expect(policy.whyRefused(origin('10.4.0.1'))).toBe('in a segment of class public, which no pool takes joins from');
    expect(policy.whyRefused(origin('10.6.0.1'), GENERAL)).toBe('not in a segment of pool general');
  });

  test('and knows one segment of each address', () => {
    const policy = inForce({});
    expect(policy.segmentOf(origin('10.3.0.1'))).toBe('10.3.0.0/16');
    expect(policy.segmentOf(origin('10.2.0.1'))).toBe('10.2.0.0/16');
    expect(policy.segmentOf(origin('10.9.0.1'))).toBeUndefined();
  });
});

describe('a caller in a segment of a class that the pool does not take', () => {
  test('gets no challenge, and that is on record with the class', async () => {
    const tpm = labTpm();
    const lab = await joinLab({ tpm, policy: labJoinPolicy(tpm, { segments: SEGMENTS }) });
    expect(told(await askChallenge(lab, { address: '10.4.0.1' }))).toBe('origin-refused');
    expect((await auditOf(lab.store)).at(-1)).toMatchObject({
      type: 'challenge.refused',
      address: '10.4.0.1',
      facts: { problem: 'origin-refused', reason: 'in a segment of class public, which no pool takes joins from' },
    });
    expect(told(await askChallenge(lab, { address: '10.3.0.1' }))).toBe('ok');
  });

  test('gets no certificate either, with a ticket from before the policy changed', async () => {
    const tpm = labTpm();
    const lab = await joinLab({ tpm, policy: labJoinPolicy(tpm, { segments: SEGMENTS, acceptClasses: ['public'] }) });
    const request = answerOf(await challengeFor(lab, { address: '10.4.0.1' }), tpm);
    const stricter = joinPolicy(labJoinPolicy(tpm, { segments: SEGMENTS }));
    const after = { ...lab, deps: { ...lab.deps, policy: () => stricter } };
    expect(told(await submit(after, request, { address: '10.4.0.1' }))).toBe('origin-refused');
    expect((await auditOf(lab.store)).at(-1)?.facts['reason']).toContain('class public');
    expect(told(await submit(lab, request, { address: '10.4.0.1' }))).toBe('ok');
  });
});
