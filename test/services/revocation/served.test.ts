import { Agent, request } from 'node:https';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { parseCrl } from '#pki/x509/crl.ts';
import { encodePem } from '#pki/x509/pem.ts';
import { keyIdentifier } from '#pki/x509/key-identifier.ts';
import { hasTool, OUTPUT_FILE, runTool } from '#test/lab/foreign-tool.ts';
import { enrol } from '#test/lab/join-lab.ts';
import { changeNode } from '#test/lab/revocation-lab.ts';
import { type RunningService, runService } from '#test/lab/running-service.ts';
import { joinOverWire } from '#test/lab/wire.ts';

let running: RunningService;
let node: { readonly id: Awaited<ReturnType<typeof enrol>>['id']; readonly name: string };
let leaf: Buffer;
beforeAll(async () => {
  running = await runService();
  node = await enrol(running.store, running.tpm, { name: 'worker-7' });
  const client = running.node();
  await joinOverWire(client, running.tpm);
  const [certificate] = await running.store.listCertificates(node.id, 1);
  if (certificate?.der === undefined) throw new Error('it joins');
  leaf = Buffer.from(certificate.der);
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

/** One request by somebody who shows no certificate. */
function call(
  path: string,
  { method = 'GET', headers = {}, body }: { method?: string; headers?: Record<string, string>; body?: Buffer } = {},
): Promise<Got> {
  const { host, port } = running.service.node;
  const agent = new Agent({ keepAlive: false, ca: running.caPem });
  return new Promise((resolve, reject) => {
    const outgoing = request({ host, port, path, method, headers, agent }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(chunks) });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Asks until the list is as wanted; the milliseconds that it took. Gives up after ten seconds. */
async function listUntil(isWanted: (list: Buffer) => boolean): Promise<{ list: Buffer; ms: number }> {
  const start = performance.now();
  for (;;) {
    const { status, body } = await call('/v1/crl');
    const ms = performance.now() - start;
    if (status === 200 && isWanted(body)) return { list: body, ms };
    if (ms > 10_000) throw new Error(`no such list after ${ms} ms: status ${status}`);
  }
}

const issuer = () => running.ca.issuing.certificate;
const serial = async () => (await running.store.listCertificates(node.id, 1)).at(0)?.serial ?? '';
const pem = (label: 'CERTIFICATE' | 'X509 CRL', der: Uint8Array) => ({ file: encodePem(label, Buffer.from(der)) });

describe('the service', () => {
  test('serves a list within a second of the revocation, to whoever asks', async () => {
    await listUntil((list) => parseCrl(list).entries.size === 0);
    await changeNode(running.store, node, 'quarantine', { at: new Date() });
    const held = await listUntil((list) => parseCrl(list).entries.size === 1);
    expect(held.ms).toBeLessThan(1_000);
    await changeNode(running.store, node, 'release', { at: new Date() });
    const released = await listUntil((list) => parseCrl(list).entries.size === 0);
    expect(released.ms).toBeLessThan(1_000);
  });

  test('serves it by issuer too, and tells who has it that they do', async () => {
    const keyId = issuer().extensions.subjectKeyIdentifier ?? keyIdentifier(issuer().publicKey);
    const path = `/v1/crls/${Buffer.from(keyId).toString('hex')}`;
    const { status, headers } = await call(path);
    expect(status).toBe(200);
    expect((await call(path, { headers: { 'if-none-match': String(headers['etag']) } })).status).toBe(304);
  });
});

describe.skipIf(!hasTool('openssl') || !hasTool('certtool'))('OpenSSL and certtool on what is served', () => {
  const askOcsp = async (): Promise<string> => {
    const about = ['-issuer', pem('CERTIFICATE', issuer().der), '-cert', pem('CERTIFICATE', leaf)] as const;
    const { written } = runTool('openssl', 'ocsp', '-no_nonce', ...about, '-reqout', OUTPUT_FILE);
    const { body } = await call('/v1/ocsp', {
      method: 'POST',
      headers: { 'content-type': 'application/ocsp-request' },
      body: Buffer.from(written),
    });
    const got = await call(`/v1/ocsp/${encodeURIComponent(Buffer.from(written).toString('base64'))}`);
    const read = (answer: Buffer) =>
      runTool(
        'openssl',
        'ocsp',
        '-no_nonce',
        ...about,
        '-respin',
        { file: answer },
        '-CAfile',
        pem('CERTIFICATE', issuer().der),
        '-partial_chain',
      ).output;
    const [posted, gotten] = [read(body), read(got.body)];
    expect([posted, gotten]).toEqual([
      expect.stringContaining('Response verify OK'),
      expect.stringContaining('Response verify OK'),
    ]);
    return /: (good|revoked|unknown)/.exec(gotten)?.[1] ?? gotten;
  };
  const checkLeaf = (list: Buffer) =>
    runTool(
      'openssl',
      'verify',
      '-crl_check',
      '-CRLfile',
      pem('X509 CRL', list),
      '-partial_chain',
      '-CAfile',
      pem('CERTIFICATE', issuer().der),
      pem('CERTIFICATE', leaf),
    );

  test('verify both, before and after the node is barred', async () => {
    const { list } = await listUntil((one) => parseCrl(one).entries.size === 0);
    expect(checkLeaf(list).ok).toBe(true);
    expect(await askOcsp()).toBe('good');
    await changeNode(running.store, node, 'bar', { at: new Date(), reason: 'keyCompromise' });
    const revoked = await serial();
    const { list: after, ms } = await listUntil((one) => [...parseCrl(one).entries.keys()].includes(revoked));
    expect(ms).toBeLessThan(1_000);
    expect(checkLeaf(after)).toMatchObject({ ok: false, output: expect.stringContaining('certificate revoked') });
    expect(await askOcsp()).toBe('revoked');
    const verified = runTool(
      'certtool',
      '--verify-crl',
      '--load-ca-certificate',
      pem('CERTIFICATE', issuer().der),
      '--infile',
      pem('X509 CRL', after),
    );
    expect(verified.output).toContain('Verification output: Verified');
  });
});
