import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { VaultDouble } from '#test/fakes/vault-double.ts';
import type { LabResponse } from '#test/lab/https-client.ts';
import { enrol } from '#test/lab/join-lab.ts';
import { type RunningService, runService } from '#test/lab/running-service.ts';
import { answerName } from '#test/lab/two-nodes.ts';
import { labVaultSigner } from '#test/lab/vault-signer.ts';
import { joinBodyFor } from '#test/lab/wire.ts';

let vault: VaultDouble;
let running: RunningService;
beforeEach(async () => {
  vault = await VaultDouble.start();
  const publicKeyPem = vault.addKeyVersion('issuing');
  const issuingSigner = await labVaultSigner(vault, { keyName: 'issuing', publicKeyPem, patienceMs: 50 });
  running = await runService({ issuingSigner });
  await enrol(running.store, running.tpm);
});
afterEach(async () => {
  await running[Symbol.asyncDispose]();
  await vault[Symbol.asyncDispose]();
});

const prepare = () => joinBodyFor(running.node(), running.tpm);
const submit = (body: object): Promise<LabResponse> => running.node().send({ method: 'POST', path: '/v1/joins', body });
/** The key is looked at once a second while it is away. */
const settled = (body: object, answer: string): Promise<void> =>
  expect.poll(async () => answerName(await submit(body)), { timeout: 5_000, interval: 200 }).toBe(answer);
const certificates = async () => {
  const node = (await running.store.listNodes({}, { limit: 1 }))[0];
  if (node === undefined) throw new Error('it is enrolled');
  return (await running.store.listCertificates(node.id, 100)).map(({ state }) => state);
};

describe('a key server that is sealed', () => {
  test('in the middle of joins: each is told to come again, no serial stays open, and what was not begun is not lost', async () => {
    const bodies = await Promise.all(Array.from({ length: 8 }, prepare));
    const [first = {}, ...others] = bodies;
    expect(answerName(await submit(first))).toBe('ok');

    vault.sealed = true;
    const [second = {}] = others;
    const lost = await submit(second);
    expect([answerName(lost), lost.headers['retry-after']]).toEqual(['dependency-unavailable', '5']);
    expect(await certificates()).toContain('orphaned');
    const waiting = await Promise.all(others.slice(1).map(submit));
    expect(new Set(waiting.map(answerName))).toEqual(new Set(['dependency-unavailable']));
    expect(new Set(waiting.map(({ headers }) => headers['retry-after']))).toEqual(new Set(['5']));
    expect((await certificates()).toSorted()).toEqual(['issued', 'orphaned']);

    vault.sealed = false;
    await settled(second, 'challenge-invalid');
    const admitted = await Promise.all(others.slice(1).map(submit));
    expect(admitted.map(answerName)).toEqual(admitted.map(() => 'ok'));
    expect((await certificates()).toSorted()).toEqual([...Array.from({ length: 7 }, () => 'issued'), 'orphaned']);
    expect((await running.store.readAuditOfType('certificate.orphaned', { limit: 10 })).length).toBe(1);
  });

  test('before the service starts: no ticket is taken by anybody', async () => {
    await running[Symbol.asyncDispose]();
    const publicKeyPem = vault.addKeyVersion('another');
    const issuingSigner = await labVaultSigner(vault, { keyName: 'another', publicKeyPem, patienceMs: 50 });
    vault.sealed = true;
    running = await runService({ issuingSigner });
    await enrol(running.store, running.tpm);
    const body = await prepare();
    await expect.poll(() => vault.asked.filter((one) => one === 'GET /v1/sys/health').length).toBeGreaterThan(0);
    expect(answerName(await submit(body))).toBe('dependency-unavailable');
    expect(await certificates()).toEqual([]);
    vault.sealed = false;
    await settled(body, 'ok');
  });
});
