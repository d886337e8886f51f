import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { systemClock } from '#core/clock.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { parsePemOf } from '#pki/x509/pem.ts';
import { joinResponseSchema } from '#protocol/join.ts';
import { ROLES } from '#protocol/inventory.ts';
import { PERMISSIONS, type Permission } from '#services/http/roles.ts';
import { enrol } from '#test/lab/join-lab.ts';
import { labKey, labNodeCa } from '#test/lab/node-ca.ts';
import { runService, type RunningService } from '#test/lab/running-service.ts';
import { labAdministrator, labServerIdentity, type TlsIdentity } from '#test/lab/service-pki.ts';
import { joinOverWire } from '#test/lab/wire.ts';

/** The permission that each route of the admin listener asks for: written out, so that a new route must be thought about here. */
const ROUTES: Readonly<Record<string, Permission>> = {
  'GET /openapi.json': 'self:read',
  'GET /v1/whoami': 'self:read',
  'GET /v1/policy': 'policy:read',
  'GET /v1/nodes': 'nodes:read',
  'GET /v1/nodes/{name}': 'nodes:read',
  'GET /v1/nodes/{name}/certificates': 'nodes:read',
  'GET /v1/nodes/{name}/history': 'nodes:read',
  'POST /v1/nodes/{name}/renewal': 'nodes:renew',
  'GET /v1/exports/nodes': 'nodes:read',
  'GET /v1/events': 'nodes:read',
  'POST /v1/enrolments': 'nodes:enrol',
  'GET /v1/candidates': 'nodes:read',
  'POST /v1/candidates/{id}/approve': 'nodes:enrol',
  'POST /v1/candidates/{id}/refuse': 'nodes:enrol',
  'GET /v1/certificates': 'nodes:read',
  'GET /v1/certificates/{id}': 'nodes:read',
  'POST /v1/revocations': 'certificates:revoke',
  'POST /v1/node-changes': 'nodes:change',
  'GET /v1/tokens': 'nodes:enrol',
  'POST /v1/tokens': 'nodes:enrol',
  'POST /v1/tokens/{id}/revoke': 'nodes:enrol',
  'GET /v1/joins': 'joins:read',
  'GET /v1/joins/{requestId}': 'joins:read',
  'GET /v1/joins/{requestId}/explanation': 'joins:read',
  'GET /v1/audit': 'audit:read',
  'GET /v1/audit/head': 'audit:read',
  'GET /v1/audit/exports': 'audit:read',
  'GET /v1/snapshot': 'snapshot:read',
  'GET /v1/policy/ima': 'policy:read',
  'GET /v1/reference-values': 'policy:read',
  'POST /v1/reference-values/capture': 'reference-values:capture',
  'POST /v1/reference-values/retire': 'reference-values:retire',
};
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'];
const PATHS = [...new Set(Object.keys(ROUTES).map((route) => route.split(' ')[1] ?? ''))];
const concrete = (path: string): string =>
  path
    .replace('{name}', 'worker-7')
    .replace('{requestId}', '00000000-0000-4000-8000-000000000000')
    .replace('{id}', '00000000-0000-4000-8000-000000000000')
    // Where it may be followed, it is refused for its query: the answer would have no end.
    .replace(/events$/, 'events?after=x');

describe('T55 the administrators’ API and whoever may not call it', () => {
  let running: RunningService;
  let shortLived: TlsIdentity;
  let clockOffsetMs = 0;

  beforeAll(async () => {
    running = await runService({ now: () => new Date(systemClock().getTime() + clockOffsetMs) });
    await enrol(running.store, running.tpm);
    shortLived = await running.administrator('cluster-administrator', 'expired');
  });

  afterAll(() => running[Symbol.asyncDispose]());

  /** Asks as `who`, on connections that are kept; resolves to the status, or `handshake` where TLS itself refuses. */
  const askAs = (who: TlsIdentity | undefined) => {
    const client = running.admin(who);
    return async (method: string, path: string): Promise<number | 'handshake'> => {
      try {
        return (await client.send({ method, path: concrete(path), body: method === 'POST' ? {} : undefined })).status;
      } catch {
        return 'handshake';
      }
    };
  };

  test('T55 the table above has every route there is', async () => {
    const client = running.admin(await running.administrator());
    const document = (await client.send({ path: '/openapi.json' })).json as {
      paths: Record<string, Record<string, { tags: string[] }>>;
    };
    const described = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.entries(operations)
        .filter(([, { tags }]) => tags.includes('admin'))
        .map(([method]) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.toSorted()).toEqual(Object.keys(ROUTES).toSorted());
  });

  const nodeCertificate = async (): Promise<TlsIdentity> => {
    const key = labKey();
    const { certificate } = joinResponseSchema.parse((await joinOverWire(running.node(), running.tpm, { key })).json);
    const [leaf] = parsePemOf('CERTIFICATE', certificate.chainPem);
    if (leaf === undefined) throw new Error('a leaf');
    const keyPem = key.export({ type: 'pkcs8', format: 'pem' }).toString();
    return { certificate: parseCertificate(leaf), certificatePem: certificate.chainPem, keyPem };
  };

  test.each<[string, () => Promise<TlsIdentity | undefined>, number | 'handshake']>([
    ['no certificate', () => Promise.resolve(undefined), 'handshake'],
    [
      'a certificate of another CA',
      async () => labAdministrator((await labNodeCa({ now: systemClock() })).management),
      'handshake',
    ],
    ['a node’s certificate', nodeCertificate, 'handshake'],
    ['the service’s own certificate', () => labServerIdentity(running.ca.management), 'handshake'],
    ['a certificate that is not on the list', () => labAdministrator(running.ca.management), 401],
    ['a role that does not exist', () => running.administrator('superuser'), 401],
    ['a certificate that has expired', () => ((clockOffsetMs = 48 * 3_600_000), Promise.resolve(shortLived)), 401],
  ])('T55 with %s no route answers, with any method', async (_, identity, expected) => {
    const ask = askAs(await identity());
    for (const path of [...PATHS, '/v1/nothing', '/']) {
      for (const method of METHODS) {
        expect([method, path, await ask(method, path)]).toEqual([method, path, expected]);
      }
    }
    clockOffsetMs = 0;
  });

  test.each(ROLES)('T55 the role %s gets what its list says, and 403 or 405 for the rest', async (role) => {
    const ask = askAs(await running.administrator(role));
    for (const path of PATHS) {
      for (const method of METHODS) {
        const status = await ask(method, path);
        const permission = ROUTES[`${method} ${path}`];
        const allowed = permission !== undefined && PERMISSIONS[role].includes(permission);
        const outcomes = allowed ? [200, 201, 400, 404, 409] : [permission === undefined ? 405 : 403];
        expect({ role, method, path, status }).toEqual({ role, method, path, status: expect.toBeOneOf(outcomes) });
      }
    }
  });
});
