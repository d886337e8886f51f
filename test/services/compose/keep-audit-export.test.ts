import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { exportStatusPageSchema } from '#protocol/audit-export.ts';
import { createLog } from '#services/http/request-log.ts';
import { enrol } from '#test/lab/join-lab.ts';
import { labReceiverPki, type ReceiverPki } from '#test/lab/receiver-pki.ts';
import { runService } from '#test/lab/running-service.ts';
import { readPage, readSamples } from '#test/lab/signals.ts';
import { startSyslogReceiver } from '#test/lab/syslog-receiver.ts';
import { startWebhook } from '#test/lab/webhook.ts';
import { joinOverWire } from '#test/lab/wire.ts';

const TOKEN = 'a-bearer-token-of-the-laboratory';
const PATIENT = { timeout: 10_000 };

/** The sequences and hashes of a chain as its receiver has them, in order. */
interface Link {
  readonly sequence: number;
  readonly hash: string;
  readonly previousHash: string;
}
const ocsfLink = (event: {
  metadata: { sequence: number; uid: string };
  unmapped: { previous_hash: string };
}): Link => ({
  sequence: event.metadata.sequence,
  hash: event.metadata.uid,
  previousHash: event.unmapped.previous_hash,
});

describe('the service exports its audit log', () => {
  let folder: string;
  let pki: ReceiverPki;
  const at = (name: string): string => join(folder, name);
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'muster-export-'));
    pki = await labReceiverPki();
    writeFileSync(at('ca.pem'), pki.ca);
    writeFileSync(at('client.pem'), pki.client.certificatePem);
    writeFileSync(at('client.key'), pki.client.keyPem, { mode: 0o600 });
    writeFileSync(at('token'), `${TOKEN}\n`, { mode: 0o600 });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('to a syslog receiver, a webhook and a file, every record to each, and says how far', async () => {
    const lines: string[] = [];
    const log = createLog('debug', { write: (line: string) => void lines.push(line) });
    await using receiver = await startSyslogReceiver({ identity: pki.identity, clientCa: pki.ca });
    await using webhook = await startWebhook({ identity: pki.identity, clientCa: pki.ca });
    const identity = { ca: at('ca.pem'), certificate: at('client.pem'), key: at('client.key') };
    await using running = await runService({
      log,
      configure: {
        audit: {
          export: [
            { name: 'siem', kind: 'syslog', host: '127.0.0.1', port: receiver.port, ...identity },
            { name: 'hook', kind: 'https', url: webhook.url, bearerTokenFile: at('token'), ...identity },
            { name: 'file', kind: 'file', path: at('audit.ndjson') },
          ],
        },
      },
    });
    await enrol(running.store, running.tpm);
    expect((await joinOverWire(running.node(), running.tpm)).status).toBe(201);
    const { sequence } = await running.store.auditHead();
    const status = async () => {
      const answer = await running.admin(await running.administrator('auditor')).send({ path: '/v1/audit/exports' });
      return exportStatusPageSchema.parse(answer.json).destinations;
    };
    await expect
      .poll(async () => (await status()).map(({ name, lagRecords, state }) => [name, lagRecords, state]), PATIENT)
      .toEqual([
        ['siem', 0, 'delivering'],
        ['hook', 0, 'delivering'],
        ['file', 0, 'delivering'],
      ]);

    const expected = (await running.store.readAudit(0, sequence)).map(({ sequence: n, hash, previousHash }) => ({
      sequence: n,
      hash,
      previousHash,
    }));
    const bySyslog = receiver.messages.map(({ structuredData }) => structuredData['muster@32473']);
    expect(bySyslog.slice(0, sequence)).toMatchObject(
      expected.map((link) => ({ ...link, sequence: String(link.sequence) })),
    );
    const posted = webhook.requests.flatMap(({ body }) => JSON.parse(body) as Parameters<typeof ocsfLink>[0][]);
    expect(posted.map(ocsfLink).slice(0, sequence)).toEqual(expected);
    const written = readFileSync(at('audit.ndjson'), 'utf8').trimEnd().split('\n');
    const filed = written.map((line) => ocsfLink(JSON.parse(line) as Parameters<typeof ocsfLink>[0]));
    expect(filed.slice(0, sequence)).toEqual(expected);
    expect(receiver.faults).toEqual([]);

    const samples = await readSamples(running);
    expect(samples.get('muster_audit_export_lag_records{destination="siem"}')).toBe(0);
    expect(samples.get('muster_audit_export_lag_seconds{destination="hook"}')).toBe(0);
    expect(samples.get('muster_audit_export_records_total{destination="file"}')).toBeGreaterThanOrEqual(sequence);
    expect(samples.get('muster_audit_export_failures_total{destination="siem",failure="refused"}')).toBe(0);

    // Everything that the service wrote down, and everything that left it but the header the token belongs in.
    const said = [...lines, JSON.stringify(await status()), ...webhook.requests.map(({ body }) => body), ...written];
    const key = pki.client.keyPem.split('\n')[1] ?? '';
    for (const secret of [TOKEN, key]) {
      expect(said.concat(receiver.messages.map(({ text }) => text)).filter((text) => text.includes(secret))).toEqual(
        [],
      );
    }
    expect(webhook.requests[0]?.headers.authorization).toBe(`Bearer ${TOKEN}`);
  });

  test('and a dead receiver is told of by health, metrics and the log, and keeps nobody away', async () => {
    const lines: string[] = [];
    const log = createLog('info', { write: (line: string) => void lines.push(line) });
    await using webhook = await startWebhook({ identity: pki.identity });
    webhook.answer = { status: 403 };
    const hook = { name: 'hook', kind: 'https', url: webhook.url, ca: at('ca.pem') };
    await using running = await runService({ log, configure: { audit: { export: [hook] } } });
    await expect
      .poll(async () => (await readPage(running, '/healthz')).text, PATIENT)
      .toMatch(/^audit-export: hook has not been delivered to since .+: HTTP status 403$/m);
    expect(await readPage(running, '/readyz')).toMatchObject({ status: 200 });
    const samples = await readSamples(running);
    expect(samples.get('muster_audit_export_failures_total{destination="hook",failure="refused"}')).toBeGreaterThan(0);
    expect(samples.get('muster_audit_export_lag_records{destination="hook"}')).toBeGreaterThan(0);
    expect(lines.filter((line) => line.includes('audit records are not taken')).length).toBe(1);

    await enrol(running.store, running.tpm);
    expect((await joinOverWire(running.node(), running.tpm)).status).toBe(201);
    webhook.answer = { status: 200 };
    await expect.poll(async () => (await readPage(running, '/healthz')).text, PATIENT).not.toContain('audit-export');
  });

  test('under no names where the configuration has no destination', async () => {
    await using running = await runService();
    expect((await readPage(running, '/metrics')).text).not.toMatch(/^muster_audit_export_\w+\{/m);
    const auditor = running.admin(await running.administrator('auditor'));
    expect((await auditor.send({ path: '/v1/audit/exports' })).json).toEqual({ destinations: [] });
  });
});
