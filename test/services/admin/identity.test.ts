import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { systemClock } from '#core/clock.ts';
import { labClient, type LabClient } from '#test/lab/https-client.ts';
import { enrol } from '#test/lab/join-lab.ts';
import { labKey, labNodeCa } from '#test/lab/node-ca.ts';
import { runService, type RunningService } from '#test/lab/running-service.ts';
import { labAdministrator, labServerIdentity, type TlsIdentity } from '#test/lab/service-pki.ts';
import { joinResponseSchema } from '#protocol/join.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { parsePemOf } from '#pki/x509/pem.ts';
import { joinOverWire } from '#test/lab/wire.ts';

let running: RunningService;
let clockOffsetMs = 0;

beforeAll(async () => {
  running = await runService({ now: () => new Date(systemClock().getTime() + clockOffsetMs) });
  await enrol(running.store, running.tpm);
});

afterAll(() => running[Symbol.asyncDispose]());

const whoami = (client: LabClient) => client.send({ path: '/v1/whoami' });

describe('an administrator', () => {
  test('is told who the service takes them for', async () => {
    const alice = await running.administrator('auditor', 'alice');
    const response = await whoami(running.admin(alice));
    expect(response).toMatchObject({ status: 200, json: { subject: 'alice', role: 'auditor' } });
    expect((response.json as { permissions: string[] }).permissions).toContain('audit:read');
  });

  test('taken off the list is refused on the connection that is open', async () => {
    const bob = await running.administrator('viewer', 'bob');
    const client = running.admin(bob);
    expect((await whoami(client)).status).toBe(200);
    running.list();
    expect(await whoami(client)).toMatchObject({ status: 401, problem: 'authentication-required' });
    running.list(bob);
    expect((await whoami(client)).status).toBe(200);
  });

  test('whose certificate expires is refused on the connection that is open', async () => {
    const carol = await running.administrator('viewer', 'carol');
    const client = running.admin(carol);
    expect((await whoami(client)).status).toBe(200);
    clockOffsetMs = 25 * 3_600_000;
    expect(await whoami(client)).toMatchObject({ status: 401, problem: 'authentication-required' });
    clockOffsetMs = -3_600_000;
    expect(await whoami(client)).toMatchObject({ status: 401, problem: 'authentication-required' });
    clockOffsetMs = 0;
    expect((await whoami(client)).status).toBe(200);
  });

  test('who was turned away is on record', async () => {
    const dave = await running.administrator('viewer', 'dave');
    await running.admin(dave).send({ path: '/v1/audit' });
    running.list();
    await running.admin(dave).send({ path: '/v1/nodes' });
    const records = (await running.store.readAudit(0, 10_000)).filter(({ type }) => type === 'admin.refused').slice(-2);
    expect(records).toMatchObject([
      { actor: 'admin:dave', facts: { problem: 'permission-denied', method: 'GET', path: '/v1/audit' } },
      { actor: 'anonymous', facts: { problem: 'authentication-required', method: 'GET', path: '/v1/nodes' } },
    ]);
  });
});

describe('whoever is no administrator', () => {
  /** `handshake` where TLS itself refuses. */
  const outcome = async (identity: TlsIdentity | undefined): Promise<string> => {
    const client = running.admin(identity);
    return whoami(client).then(
      ({ status }) => String(status),
      () => 'handshake',
    );
  };

  test.each<[string, () => Promise<TlsIdentity | undefined>, string]>([
    ['an administrator on the list is let in', () => running.administrator('viewer'), '200'],
    ['no certificate is refused', () => Promise.resolve(undefined), 'handshake'],
    [
      'a certificate of another management CA is refused',
      async () => labAdministrator((await labNodeCa({ now: systemClock() })).management),
      'handshake',
    ],
    ['the service’s own certificate is refused', () => labServerIdentity(running.ca.management), 'handshake'],
    ['a certificate that is not on the list is refused', () => labAdministrator(running.ca.management), '401'],
    ['a role that does not exist is refused', () => running.administrator('root'), '401'],
    ['a role of another spelling is refused', () => running.administrator('viewers'), '401'],
  ])('%s', async (_, identity, expected) => {
    expect(await outcome(await identity())).toBe(expected);
  });

  test('a node’s certificate is refused, even when it is on the list', async () => {
    const key = labKey();
    const response = await joinOverWire(running.node(), running.tpm, { key });
    const { certificate } = joinResponseSchema.parse(response.json);
    const [leaf] = parsePemOf('CERTIFICATE', certificate.chainPem);
    if (leaf === undefined) throw new Error('a leaf');
    const identity: TlsIdentity = {
      certificate: parseCertificate(leaf),
      certificatePem: certificate.chainPem,
      keyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    };
    running.list(identity);
    expect(await outcome(identity)).toBe('handshake');
  });

  test('an unreadable list lets nobody in', async () => {
    await using other = await runService();
    const eve = await other.administrator('viewer');
    const client = other.admin(eve);
    expect((await whoami(client)).status).toBe(200);
    other.writeList('administrators: [');
    expect(await whoami(client)).toMatchObject({ status: 503, problem: 'dependency-unavailable' });
  });

  test('the node listener knows no administrator’s route', async () => {
    const client = labClient({ ...running.service.node, ca: running.caPem, identity: await running.administrator() });
    for (const path of ['/v1/nodes', '/v1/whoami', '/v1/audit', '/openapi.json']) {
      expect(await client.send({ path })).toMatchObject({ status: 404, problem: 'not-found' });
    }
    client[Symbol.dispose]();
  });
});
