import { describe, expect, test } from 'vitest';

import { heartbeatRequestSchema, heartbeatResponseSchema } from '#protocol/heartbeat.ts';

const request = {
  bootId: '0b0f3b52-6b0a-4f0e-9d55-7d0a52a7c1de',
  agentVersion: '0.1.0',
  clock: '2026-11-21T10:00:00.000Z',
};

describe('a heartbeat, as the service reads it', () => {
  test.each<[boolean, string, object]>([
    [true, 'as the agent writes it', {}],
    [true, 'of a version that is not yet released', { agentVersion: '1.2.3-rc.1+build.5' }],
    [false, 'with a member it does not know', { nodeName: 'worker-7' }],
    [false, 'without a boot', { bootId: undefined }],
    [false, 'of a boot in upper case', { bootId: request.bootId.toUpperCase() }],
    [false, 'of a boot with a line end behind', { bootId: `${request.bootId}\n` }],
    [false, 'of no version', { agentVersion: '' }],
    [false, 'of a version that is a sentence', { agentVersion: '1 <script>' }],
    [false, 'of a version without end', { agentVersion: '1'.repeat(65) }],
    [false, 'of a clock without a zone', { clock: '2026-11-21T10:00:00' }],
    [false, 'of a clock in another zone', { clock: '2026-11-21T10:00:00+01:00' }],
    [false, 'of a clock without end', { clock: `2026-11-21T10:00:00.${'0'.repeat(40)}Z` }],
  ])('is taken: %s, %s', (taken, _what, change) => {
    expect(heartbeatRequestSchema.safeParse({ ...request, ...change }).success).toBe(taken);
  });
});

describe('the answer to a heartbeat, as the agent reads it', () => {
  test.each<[boolean, string, object]>([
    [true, 'as the service writes it', {}],
    [true, 'with a member of a later version', { later: 1 }],
    [true, 'that asks for the soonest', { nextSeconds: 5 }],
    [true, 'that asks for the latest', { nextSeconds: 3_600 }],
    [false, 'that asks for sooner', { nextSeconds: 4 }],
    [false, 'that asks for later', { nextSeconds: 3_601 }],
    [false, 'that asks for a part of a second', { nextSeconds: 30.5 }],
    [false, 'that does not say whether to renew', { renewNow: undefined }],
    [false, 'that says it in words', { renewNow: 'true' }],
  ])('is taken: %s, %s', (taken, _what, change) => {
    const answer = { nextSeconds: 30, renewNow: false, ...change };
    expect(heartbeatResponseSchema.safeParse(answer).success).toBe(taken);
  });
});
