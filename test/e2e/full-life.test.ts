import { createPublicKey, randomUUID, X509Certificate } from 'node:crypto';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { get as fetchOver } from 'node:https';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';
import { z } from 'zod';

import { utf8 } from '#core/bytes.ts';
import { certificateFingerprint } from '#core/ids.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { parseCrl } from '#pki/x509/crl.ts';
import { encodePem, parsePemOf } from '#pki/x509/pem.ts';
import { Knowledge } from '#services/kubernetes/authorizer/knowledge.ts';
import { parseSubjectAccessReview } from '#services/kubernetes/subject-access-review.ts';
import { startAgent } from '#test/agent/service/agent-process.ts';
import { silentLog } from '#test/fakes/silent-log.ts';
import { nodeReview } from '#test/lab/authorizer-lab.ts';
import { OUTPUT_FILE, runTool } from '#test/lab/foreign-tool.ts';
import { labClient } from '#test/lab/https-client.ts';
import { liveAuthorizer, type LiveAuthorizer } from '#test/lab/live-authorizer.ts';
import { type LiveService, liveService } from '#test/lab/live-service.ts';
import { canStartSwtpm, startSwtpm } from '#test/lab/swtpm.ts';

const NODE = 'worker-1';
const JOINED = ['certificate.signing', 'certificate.issued'];
/** What heartbeats leave on record, whenever they come. */
const CONTACTS: ReadonlySet<string> = new Set([
  'node.booted',
  'node.connectivity-changed',
  'heartbeat.refused',
  'node.heartbeat-refused',
]);
const record = z.object({ type: z.string(), nodeName: z.string().optional(), facts: z.looseObject({}) });
const nodeAnswer = z.object({ node: z.object({ state: z.string() }) });

/** A node's certificate with its key, as its agent has it. */
interface Held {
  readonly der: Buffer;
  readonly pem: string;
  readonly keyPem: string;
  readonly fingerprint: string;
  readonly serial: string;
  readonly notAfter: Date;
}

async function heldBy(service: LiveService): Promise<Held> {
  const text = await readFile(join(service.folder, NODE, 'credential/node.pem'), 'utf8');
  const [leaf] = parsePemOf('CERTIFICATE', text.slice(0, text.indexOf('-----BEGIN PRIVATE')));
  if (leaf === undefined) throw new Error('the agent holds a certificate');
  const der = Buffer.from(leaf);
  return {
    der,
    pem: text.slice(0, text.indexOf('-----BEGIN PRIVATE')),
    keyPem: text.slice(text.indexOf('-----BEGIN PRIVATE')),
    fingerprint: certificateFingerprint(der),
    serial: new X509Certificate(der).serialNumber.toLowerCase(),
    notAfter: new X509Certificate(der).validToDate,
  };
}

/** What a heartbeat with this certificate is told. */
async function beat(service: LiveService, held: Held): Promise<string> {
  const { hostname: host, port } = new URL(service.url);
  const ca = await readFile(service.serviceCaFile, 'utf8');
  const identity = { certificate: parseCertificate(held.der), certificatePem: held.pem, keyPem: held.keyPem };
  using client = labClient({ host, port: Number(port), ca, identity });
  const body = { bootId: randomUUID(), agentVersion: '0.1.0', clock: new Date().toISOString() };
  const { status, problem } = await client.send({ method: 'POST', path: '/v1/heartbeats', body });
  return problem ?? String(status);
}

/** Audit records about the node since the last call, contacts apart: they come when they come. */
function auditOf(service: LiveService): () => Promise<readonly string[]> {
  let seen = 0;
  return async () => {
    const { out } = await service.muster('audit', 'tail', '-n', '1000', '-o', 'json');
    const { records } = z.object({ records: z.array(record) }).parse(JSON.parse(out));
    const types = records.flatMap(({ type, nodeName, facts }) =>
      nodeName === NODE || facts['claimedNodeName'] === NODE ? [type] : [],
    );
    const since = types.filter((type) => !CONTACTS.has(type)).slice(seen);
    seen += since.length;
    return since;
  };
}

/** What an authorizer with this one's disk says at another time, with nobody else there. */
async function askLater(authorizer: LiveAuthorizer, folder: string, held: Held, at: Date): Promise<string> {
  const stateDirectory = join(folder, `state-${randomUUID()}`);
  await cp(authorizer.stateDirectory, stateDirectory, { recursive: true });
  const knowledge = await Knowledge.open({
    stateDirectory,
    snapshotKey: createPublicKey(await readFile(authorizer.snapshotKeyFile, 'utf8')),
    maxAgeMs: 365 * 86_400_000,
    allowNodeCsr: false,
    now: () => at,
    log: silentLog,
  });
  const review = parseSubjectAccessReview(utf8(JSON.stringify(nodeReview(NODE, held.fingerprint))));
  const decision = knowledge.decide(review);
  await knowledge.settled();
  return decision.kind === 'denied' ? decision.denial : decision.kind;
}

/** `good` or `revoked`, by OpenSSL; the list and the answer are fetched as anybody would. */
async function publishedOf(service: LiveService, held: Held): Promise<{ listed: boolean; ocsp: string }> {
  const { hostname: host, port } = new URL(service.url);
  const ca = await readFile(service.serviceCaFile, 'utf8');
  const [issuer = ''] = parsePemOf('CERTIFICATE', held.pem)
    .slice(1)
    .map((der) => encodePem('CERTIFICATE', der));
  const leaf = encodePem('CERTIFICATE', held.der);
  const about = ['-no_nonce', '-issuer', { file: issuer }, '-cert', { file: leaf }] as const;
  const { written } = runTool('openssl', 'ocsp', ...about, '-reqout', OUTPUT_FILE);
  const get = async (path: string): Promise<Buffer> => {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    fetchOver({ host, port, path, ca, agent: false }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => resolve(Buffer.concat(chunks)));
    }).on('error', reject);
    return promise;
  };
  const answer = await get(`/v1/ocsp/${encodeURIComponent(Buffer.from(written).toString('base64'))}`);
  const trusted = ['-CAfile', { file: issuer }, '-partial_chain'] as const;
  const { output } = runTool('openssl', 'ocsp', ...about, '-respin', { file: answer }, ...trusted);
  const status = /: (good|revoked|unknown)/.exec(output)?.[1] ?? output;
  return {
    listed: parseCrl(await get('/v1/crl')).entries.has(held.serial),
    ocsp: output.includes('Response verify OK') ? status : output,
  };
}

/** Certificates tell their beginnings by the second: of two in one second neither is the older. */
async function nextSecond(): Promise<void> {
  const second = (): number => Math.floor(Date.now() / 1_000);
  const begun = second();
  await expect.poll(second, { timeout: 3_000, interval: 20 }).toBeGreaterThan(begun);
}

describe.skipIf(!canStartSwtpm())('a node’s whole life, with the programs that are deployed', () => {
  test(
    'joins, renews, is refused when its state changes, comes back when that is known, is barred, and retired',
    { timeout: 180_000 },
    async () => {
      await using tpm = await startSwtpm({ ekTypes: ['p-256'] });
      await using service = await liveService({
        ekAnchors: tpm.caPems,
        config: { 'kind: ServerConfig': 'kind: ServerConfig\nconnectivity:\n  heartbeatSeconds: 5' },
      });
      await using authorizer = await liveAuthorizer(service);
      const audit = auditOf(service);
      const decision = async (held: Held): Promise<string> => authorizer.ask(NODE, held.fingerprint);
      const becomes = (held: Held, wanted: string): Promise<void> =>
        expect.poll(() => decision(held), { timeout: 5_000, interval: 20 }).toBe(wanted);
      const state = async (): Promise<string> =>
        nodeAnswer.parse(JSON.parse((await service.muster('nodes', 'show', NODE, '-o', 'json')).out)).node.state;
      const config = await service.agentConfig(NODE, tpm.address, 'p-256');
      await writeFile(join(service.folder, 'worker-1.der'), tpm.ekCertificates.get('p-256') ?? new Uint8Array());
      await service.muster('enrol', NODE, '--pool', 'general', '--ek-cert', 'worker-1.der');
      expect(await audit()).toEqual(['node.enrolled']);

      await using agent = startAgent(config);
      const refused = (): readonly string[] => agent.lines.filter((line) => line.includes('(evidence-rejected)'));
      const captured = async (out: string): Promise<void> => {
        const request = /joins show ([0-9a-f-]{36})/.exec(refused().at(-1) ?? '')?.[1] ?? '';
        const done = await service.muster('reference', 'capture', '--join', request, '--out', out);
        expect(done).toMatchObject({ exitCode: 0 });
      };

      // Its state becomes known, and it joins.
      await agent.said('(evidence-rejected)');
      await captured('muster/reference/first.yaml');
      await service.changePolicy({ 'referenceValues: []': 'referenceValues: [reference/first.yaml]' });
      agent.signal('SIGUSR1');
      await agent.said(`Joined as ${NODE}`);
      expect(await audit()).toEqual(['join.refused', 'reference.captured', ...JOINED]);
      expect(await state()).toBe('joined');
      const all = [await heldBy(service)];

      // Three renewals: each a certificate of its own, which replaces the one before once it is used.
      for (const times of [2, 3, 4]) {
        await nextSecond();
        agent.signal('SIGUSR1');
        await agent.said(`Joined as ${NODE}`, times);
        const held = await heldBy(service);
        const before = all.at(-1) ?? held;
        await becomes(held, 'no-opinion');
        expect(await decision(before)).toBe('credential-superseded');
        expect(await audit()).toEqual(JOINED);
        all.push(held);
      }
      expect(new Set(all.map(({ serial }) => serial)).size).toBe(4);
      const fourth = await heldBy(service);
      expect(await beat(service, fourth)).toBe('200');
      expect(await publishedOf(service, fourth)).toEqual({ listed: false, ocsp: 'good' });

      // Its state changes: no renewal. What it holds is good to its end, and no longer.
      await tpm.extendPcr(7);
      const refusals = refused().length;
      agent.signal('SIGUSR1');
      await agent.said('(evidence-rejected)', refusals + 1);
      expect(await audit()).toEqual(['join.refused']);
      expect((await heldBy(service)).serial).toBe(fourth.serial);
      expect(await decision(fourth)).toBe('no-opinion');
      const afterMs = (ms: number): Date => new Date(fourth.notAfter.getTime() + ms);
      expect(await askLater(authorizer, service.folder, fourth, afterMs(999))).toBe('no-opinion');
      expect(await askLater(authorizer, service.folder, fourth, afterMs(1_000))).toBe('credential-expired');

      // The new state becomes known: it comes back.
      await captured('muster/reference/second.yaml');
      await service.changePolicy({ 'reference/first.yaml': 'reference/first.yaml, reference/second.yaml' });
      agent.signal('SIGUSR1');
      await agent.said(`Joined as ${NODE}`, 5);
      const fifth = await heldBy(service);
      await becomes(fifth, 'no-opinion');
      expect(await audit()).toEqual(['reference.captured', ...JOINED]);

      // Barred: everybody says no, the API server within a second of the answer.
      const barred = await service.muster('nodes', 'bar', NODE, '--reason', 'keyCompromise');
      expect(barred).toMatchObject({ exitCode: 0 });
      const start = performance.now();
      await becomes(fifth, 'node-barred');
      expect(performance.now() - start).toBeLessThan(1_000);
      expect(await beat(service, fifth)).toBe('node-barred');
      await expect
        .poll(() => publishedOf(service, fifth), { timeout: 5_000 })
        .toEqual({ listed: true, ocsp: 'revoked' });
      expect(await publishedOf(service, fourth)).toEqual({ listed: true, ocsp: 'revoked' });
      agent.signal('SIGUSR1');
      await agent.said('(node-barred');
      expect((await audit()).filter((type) => type !== 'join.refused')).toEqual(['node.barred']);
      expect(await state()).toBe('barred');

      // The authorizer alone, after a death of its own: the same answer.
      process.kill(service.pid(), 'SIGSTOP');
      await authorizer.kill();
      await authorizer.start();
      expect(await decision(fifth)).toBe('node-barred');
      process.kill(service.pid(), 'SIGCONT');

      // Retired: nobody knows it any more, and its certificates stay revoked.
      agent.signal('SIGTERM');
      await agent.ended;
      const retired = await service.muster('nodes', 'retire', NODE);
      expect(retired).toMatchObject({ exitCode: 0 });
      await becomes(fifth, 'node-unknown');
      expect((await service.muster('nodes', 'show', NODE)).exitCode).not.toBe(0);
      expect(await publishedOf(service, fifth)).toEqual({ listed: true, ocsp: 'revoked' });
      expect((await audit()).filter((type) => type !== 'join.refused')).toEqual(['node.retired']);
      const verified = await service.muster('audit', 'verify');
      expect(verified).toMatchObject({ exitCode: 0 });
    },
  );
});
