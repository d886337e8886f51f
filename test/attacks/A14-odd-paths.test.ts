import { once } from 'node:events';
import { connect } from 'node:tls';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { enrol } from '#test/lab/join-lab.ts';
import { runService, type RunningService } from '#test/lab/running-service.ts';
import type { TlsIdentity } from '#test/lab/service-pki.ts';

/** Ways to write `/v1/nodes` that some layer, somewhere, would read as it. */
const ODD: readonly string[] = [
  '/v1/../v1/nodes',
  '/v1/./nodes',
  '/./v1/nodes',
  '//v1/nodes',
  '/v1//nodes',
  '/v1/nodes/',
  '/v1/nodes//',
  '/v1/nodes/.',
  '/v1/nodes/..',
  '/v1/nodes/../nodes',
  '/v1/%6eodes',
  '/v1%2fnodes',
  '/v1%2Fnodes',
  '/v1/%2e%2e/v1/nodes',
  '/v1/%2E%2E/v1/nodes',
  '/v1/..%2fv1/nodes',
  '/v1/%252e%252e/nodes',
  '/v1/..;/v1/nodes',
  '/v1;x=1/nodes',
  '/v1/nodes;x=1',
  '/v1/nodes%00',
  '/v1/nodes%00.json',
  '/v1/nodes%20',
  '/v1/nodes%0a',
  '/v1/nodes%0d%0aX-Role:%20operator',
  '/v1\\nodes',
  '/v1/..\\nodes',
  '/V1/nodes',
  '/v1/Nodes',
  '/v1/NODES',
  '/v1/n%C0%AFodes',
  '/v1/%c0%ae%c0%ae/nodes',
  '/v1/%e0%80%ae/nodes',
  '/v1/nodes%ff',
  '/v1/n\u{f6}des',
  '/v1/nodes.json',
  '/v1/nodes~',
  '/v1/nodes,',
  '/v1/nodes:',
  '/v1/nodes*',
  '*',
  'v1/nodes',
  'http://localhost/v1/nodes',
  'https://admin.example/v1/nodes',
];

describe('A14 a path that another layer would read as a route', () => {
  let running: RunningService;
  let identity: TlsIdentity;

  beforeAll(async () => {
    running = await runService();
    await enrol(running.store, running.tpm);
    identity = await running.administrator();
  });

  afterAll(() => running[Symbol.asyncDispose]());

  /** The status of a request line sent byte for byte; 0 where the connection was closed on it. */
  const ask = async (path: string, method = 'GET'): Promise<number> => {
    const { host, port } = running.service.admin;
    const socket = connect({ host, port, ca: running.caPem, cert: identity.certificatePem, key: identity.keyPem });
    await once(socket, 'secureConnect');
    socket.write(Buffer.from(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`, 'latin1'));
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    await once(socket, 'close');
    return Number(text.slice(9, 12));
  };

  test('A14 the path itself is answered, with a question behind it too', async () => {
    expect([await ask('/v1/nodes'), await ask('/v1/nodes?limit=5')]).toEqual([200, 200]);
  });

  test.each(ODD)('A14 %j is nothing', async (path) => {
    expect([0, 400, 404]).toContain(await ask(path));
  });

  test.each(ODD)('A14 nor is %j below a route with a parameter', async (path) => {
    expect([0, 400, 404]).toContain(await ask(`/v1/nodes/worker-7${path}`));
  });

  test('A14 a path as long as the head may be is nothing, and longer is not read', async () => {
    expect(await ask(`/v1/nodes${'/..'.repeat(2_000)}`)).toBe(404);
    expect([400, 431]).toContain(await ask(`/v1/nodes${'/..'.repeat(20_000)}`));
  });

  test('A14 a node’s name in the path is only ever one plain name', async () => {
    expect(await ask('/v1/nodes/worker-7')).toBe(200);
    for (const name of ['Worker-7', 'worker-7%2e', 'worker%2d7', 'worker-7.', '%77orker-7', 'worker-7%00', '..', '.']) {
      expect([name, await ask(`/v1/nodes/${name}`)]).toEqual([name, expect.toBeOneOf([400, 404])]);
    }
  });
});
