import { afterEach, describe, expect, test } from 'vitest';

import { enrol } from '#test/lab/join-lab.ts';
import { runService, type RunningService } from '#test/lab/running-service.ts';
import { joinBodyFor, joinOverWire } from '#test/lab/wire.ts';

let running: RunningService | undefined;
afterEach(async () => running?.[Symbol.asyncDispose]());

const start = async (limits: object, options: object = {}): Promise<RunningService> => {
  running = await runService({ configure: { limits }, ...options });
  await enrol(running.store, running.tpm);
  return running;
};

describe('a service that is asked too much', () => {
  test('answers 429 with the seconds to wait', async () => {
    const service = await start({ rates: { perEk: { burst: 1, perMinute: 2 } } });
    const response = await joinOverWire(service.node(), service.tpm);
    expect(response).toMatchObject({ status: 429, problem: 'rate-limited', json: { retry: 'same-request' } });
    expect(Number(response.headers['retry-after'])).toBeGreaterThanOrEqual(29);
    expect(Number(response.headers['retry-after'])).toBeLessThanOrEqual(30);
  });

  test('answers 503 with seconds to wait when it works on as much as it may, and serves administrators meanwhile', async () => {
    const gate = Promise.withResolvers<void>();
    const service = await start(
      { work: { running: 1, waiting: 0 } },
      {
        signer: (signer: { spki: Uint8Array; sign: (tbs: Uint8Array) => Promise<Uint8Array> }) => ({
          spki: signer.spki,
          sign: async (tbs: Uint8Array) => (await gate.promise, signer.sign(tbs)),
        }),
      },
    );
    const administrator = await service.administrator();
    const body = await joinBodyFor(service.node(), service.tpm);
    const first = service.node().send({ method: 'POST', path: '/v1/joins', body });
    await expect.poll(async () => (await service.store.readAudit(0, 100)).at(-1)?.type).toBe('certificate.signing');
    const second = await service.node().send({ method: 'POST', path: '/v1/joins', body });
    expect(second).toMatchObject({ status: 503, problem: 'overloaded', json: { retry: 'same-request' } });
    expect(Number(second.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect((await service.admin(administrator).send({ path: '/v1/whoami' })).status).toBe(200);
    gate.resolve();
    expect((await first).status).toBe(201);
    expect((await service.node().send({ method: 'POST', path: '/v1/joins', body })).status).toBe(201);
  });

  test('answers an administrator within a second while 100 callers ask for challenges', async () => {
    const service = await start({ work: { running: 4 }, rates: { perEk: { burst: 1_000 } } });
    const administrator = await service.administrator();
    const admin = service.admin(administrator);
    await admin.send({ path: '/v1/whoami' });
    const client = service.node(20);
    const storm = Array.from({ length: 100 }, () => joinBodyFor(client, service.tpm));
    const started = performance.now();
    expect((await admin.send({ path: '/v1/whoami' })).status).toBe(200);
    expect(performance.now() - started).toBeLessThan(1_000);
    await Promise.all(storm);
  });
});
