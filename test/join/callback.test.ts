import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { listenForCallback } from '#agent/callback-listener.ts';
import { openJoinService } from '#agent/client.ts';
import type { AgentConfig } from '#agent/config.ts';
import { joinCluster } from '#agent/join-cluster.ts';
import { systemClock } from '#core/clock.ts';
import { systemRandom } from '#core/random.ts';
import { challengeResponseSchema } from '#protocol/challenge.ts';
import { labAttester } from '#test/agent/lab-attester.ts';
import {
  answerOf,
  AUDIENCE,
  challengeRequestOf,
  enrol,
  labJoinPolicy,
  lastDenials,
  nodeName,
} from '#test/lab/join-lab.ts';
import { labKey } from '#test/lab/node-ca.ts';
import { freePorts } from '#test/lab/programs.ts';
import { runService, type RunningService } from '#test/lab/running-service.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { challengeBody, joinBody } from '#test/lab/wire.ts';

let service: RunningService;
let port: number;
let directory: string;

beforeEach(async () => {
  const tpm = labTpm();
  [port] = await freePorts('127.0.0.1');
  service = await runService({ tpm, policy: labJoinPolicy(tpm, { callback: { port, timeout: '1s' } }) });
  await enrol(service.store, tpm);
  directory = await mkdtemp(join(tmpdir(), 'muster-callback-'));
});

afterEach(async () => {
  await service[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

/** A join over the wire, while something listens with `listenKey`. */
async function joinWhile(listenKey: ReturnType<typeof labKey> | undefined, key = labKey()) {
  const client = service.node();
  const body = challengeBody(challengeRequestOf(service.tpm));
  const answer = await client.send({ method: 'POST', path: '/v1/challenges', body });
  const challenge = challengeResponseSchema.parse(answer.json);
  await using _ =
    listenKey === undefined
      ? undefined
      : await listenForCallback(
          { port, key: listenKey, ticket: challenge.ticket },
          { now: systemClock, random: systemRandom },
        );
  const request = joinBody(answerOf(challenge, service.tpm, { key }));
  return { challenge, response: await client.send({ method: 'POST', path: '/v1/joins', body: request }) };
}

const signed = async () =>
  (await service.store.readAudit(0, 1_000)).filter(({ type }) => type.startsWith('certificate.'));

describe('a pool that calls its nodes back', () => {
  test('says in the challenge where', async () => {
    expect((await joinWhile(undefined)).challenge.callback).toEqual({ port });
  });

  test('issues to the key that answers', async () => {
    const key = labKey();
    expect((await joinWhile(key, key)).response.status).toBe(201);
  });

  test('signs nothing where nobody answers', async () => {
    expect((await joinWhile(undefined)).response).toMatchObject({ status: 403, problem: 'evidence-rejected' });
    expect(await lastDenials(service.store)).toEqual(['callback-unreachable']);
    expect(await signed()).toEqual([]);
  });

  test('signs nothing where another key answers', async () => {
    expect((await joinWhile(labKey())).response).toMatchObject({ status: 403, problem: 'evidence-rejected' });
    expect(await lastDenials(service.store)).toEqual(['callback-key-mismatch']);
    expect(await signed()).toEqual([]);
  });
});

describe('the agent', () => {
  const run = async () => {
    const config: AgentConfig = {
      services: [new URL(`https://127.0.0.1:${service.service.node.port}`)],
      serviceCa: service.caPem,
      audience: AUDIENCE,
      claimedNodeName: nodeName('worker-7'),
      credentialDirectory: join(directory, 'credential'),
      kubeconfigFile: join(directory, 'kubelet.conf'),
      credentials: { kind: 'files' },
      nodeCa: undefined,
      kubeletConfigFile: join(directory, 'kubelet.yaml'),
      tpm: { device: '/dev/null', ekPreference: ['p-256'], eventLogFile: '/none', imaLogFile: '/none' },
      wait: { totalSeconds: 10, spreadFirstSeconds: 0 },
    };
    using client = openJoinService({ ...config, now: systemClock, random: systemRandom });
    return joinCluster(
      {
        service: client,
        now: systemClock,
        random: systemRandom,
        elapsedMs: () => 0,
        sleep: () => Promise.resolve(),
        progress: () => undefined,
        openAttester: () => Promise.resolve(labAttester(service.tpm)),
        newKey: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
      },
      config,
    );
  };

  test('answers the call and joins, and closes the port behind itself', async () => {
    expect(await run()).toMatchObject({ status: 'joined', node: { name: 'worker-7' } });
    // Free again.
    await using _ = await listenForCallback(
      { port, key: labKey(), ticket: 'AA' },
      { now: systemClock, random: systemRandom },
    );
  });

  test('whose port is taken says so and joins nothing', async () => {
    await using _ = await listenForCallback(
      { port, key: labKey(), ticket: 'AA' },
      { now: systemClock, random: systemRandom },
    );
    expect(await run()).toMatchObject({ status: 'answer-unusable', reason: expect.stringContaining('EADDRINUSE') });
  });
});
