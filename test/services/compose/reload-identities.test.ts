import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { toHex } from '#core/bytes.ts';
import { reloadIdentities } from '#services/compose/reload-identities.ts';
import { startListener, type TlsListener } from '#services/http/server.ts';
import { silentLog } from '#test/fakes/silent-log.ts';
import { labNodeCa } from '#test/lab/node-ca.ts';
import { certificatePem, labAdministrator, labServerIdentity, type TlsIdentity } from '#test/lab/service-pki.ts';

let directory: string;
let ca: string;
let client: TlsIdentity;
let first: TlsIdentity;
let second: TlsIdentity;
let listener: TlsListener;
const files = () => ({ certificate: join(directory, 'server.pem'), key: join(directory, 'server.key') });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'muster-identity-'));
  const { management } = await labNodeCa();
  ca = certificatePem(management.certificate);
  [client, first, second] = await Promise.all([
    labAdministrator(management),
    labServerIdentity(management),
    labServerIdentity(management),
  ]);
  const identity = { certificate: first.certificatePem, key: first.keyPem };
  const place = { host: '127.0.0.1', port: 0, maxConnections: 8, keepAliveMs: 5_000 };
  listener = await startListener({ ...place, ...identity, clientCa: ca }, (_, response) => response.end('ok'));
});
afterAll(async () => {
  await listener[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

async function write({ certificatePem: certificate, keyPem: key }: Pick<TlsIdentity, 'certificatePem' | 'keyPem'>) {
  await writeFile(files().certificate, certificate);
  await writeFile(files().key, key, { mode: 0o600 });
  await reloadIdentities([{ name: 'admin', files: files(), listener }], silentLog);
}

/** The serial of the certificate that a new connection is shown. */
async function shown(): Promise<string> {
  const { host, port } = listener;
  const socket = connect({ host, port, ca, cert: client.certificatePem, key: client.keyPem });
  await once(socket, 'secureConnect');
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber.toLowerCase();
}

const serialOf = ({ certificate }: TlsIdentity): string => toHex(certificate.serial);

describe('a listener’s certificate, read again,', () => {
  test('is what new connections are shown, and who may connect stays as it was', async () => {
    expect(await shown()).toBe(serialOf(first));
    await write(second);
    expect(await shown()).toBe(serialOf(second));

    const { host, port } = listener;
    const stranger = connect({ host, port, ca });
    await expect(once(stranger, 'data')).rejects.toThrow(/certificate required/);
    const outdated = connect({
      host,
      port,
      ca,
      cert: client.certificatePem,
      key: client.keyPem,
      maxVersion: 'TLSv1.2',
    });
    await expect(once(outdated, 'secureConnect')).rejects.toThrow(/protocol version/);
  });

  test('leaves connections that are open alone', async () => {
    await write(first);
    const { host, port } = listener;
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca, cert: client.certificatePem, key: client.keyPem });
    const get = async (): Promise<boolean> => {
      const asked = request({ host, port, agent }).end();
      await once(asked, 'response').then(([response]) => response.resume());
      return asked.reusedSocket;
    };
    expect(await get()).toBe(false);
    await write(second);
    expect(await get()).toBe(true);
    agent.destroy();
  });

  test.each([
    ['a key of another certificate', () => ({ certificatePem: first.certificatePem, keyPem: second.keyPem })],
    ['no certificate', () => ({ certificatePem: 'hello', keyPem: second.keyPem })],
    ['no key', () => ({ certificatePem: first.certificatePem, keyPem: '' })],
  ])('stays the one before where the files have %s', async (_, wrong) => {
    await write(second);
    await write(wrong());
    expect(await shown()).toBe(serialOf(second));
  });
});
