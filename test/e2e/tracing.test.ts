import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { liveService } from '#test/lab/live-service.ts';
import { type CollectedSpan, startTlsCollector } from '#test/lab/otlp-collector.ts';
import { runProgram } from '#test/lab/programs.ts';
import { missingSwtpmTools, startSwtpm } from '#test/lab/swtpm.ts';

const missing = missingSwtpmTools();
if (missing.length > 0) console.warn(`SKIPPED: a traced join needs ${missing.join(', ')} (Debian: swtpm swtpm-tools)`);

const TOKEN = 'a-token-for-the-collector';

describe.skipIf(missing.length > 0)('a join that is traced from the agent to the signature', () => {
  test('is one trace, and its spans lie within one another', { timeout: 300_000 }, async () => {
    await using undo = new AsyncDisposableStack();
    const collector = undo.use(await startTlsCollector());
    const home = await mkdtemp(join(tmpdir(), 'muster-tracing-'));
    undo.defer(() => rm(home, { recursive: true }));
    const ca = join(home, 'collector-ca.pem');
    const headersFile = join(home, 'headers');
    await writeFile(ca, collector.ca);
    await writeFile(headersFile, `Authorization: Bearer ${TOKEN}\n`, { mode: 0o600 });
    const tracing = { endpoint: collector.endpoint, ca, headersFile, sampleRatio: 1 };

    const tpm = undo.use(await startSwtpm({ ekTypes: ['p-256'] }));
    const service = undo.use(
      await liveService({
        ekAnchors: tpm.caPems,
        config: { 'kind: ServerConfig': `kind: ServerConfig\ntracing: ${JSON.stringify(tracing)}` },
      }),
    );
    const config = await service.agentConfig('worker-1', tpm.address, 'p-256');
    await appendFile(config, `tracing: ${JSON.stringify({ endpoint: collector.endpoint, caFile: ca })}\n`);
    await writeFile(join(service.folder, 'ek.der'), tpm.ekCertificates.get('p-256') ?? new Uint8Array());
    expect(await service.muster('enrol', 'worker-1', '--pool', 'general', '--ek-cert', 'ek.der')).toMatchObject({
      exitCode: 0,
    });

    const refused = await runProgram('muster-agent', ['join', '--config', config], service.folder);
    expect(refused).toMatchObject({ exitCode: 77 });
    const [requestId = ''] = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(refused.err) ?? [];
    const out = 'muster/reference/worker-1.yaml';
    expect(await service.muster('reference', 'capture', '--join', requestId, '--out', out)).toMatchObject({
      exitCode: 0,
    });
    await service.changePolicy({ 'referenceValues: []': 'referenceValues: [reference/worker-1.yaml]' });
    // The service has stopped meanwhile, and sent what it had.
    const [refusal] = collector.spans.filter(({ attributes }) => attributes['muster.request_id'] === requestId);
    expect(refusal).toMatchObject({
      name: 'POST /v1/joins',
      parentSpanId: null,
      links: [{ traceId: traceIdIn(refused) }],
    });

    const joined = await runProgram('muster-agent', ['join', '--config', config], service.folder);
    expect(joined).toMatchObject({ exitCode: 0 });
    await service.stop();

    const traceId = traceIdIn(joined);
    const spans = collector.spans.filter((span) => span.traceId === traceId);
    const [own] = spans.filter(({ name }) => name === 'join');
    expect(own).toMatchObject({ traceId, parentSpanId: null, service: 'muster-agent' });
    expect(pathOf(spans, 'ask signer')).toEqual([
      'muster: ask signer',
      'muster: sign certificate',
      'muster: POST /v1/joins',
      'muster-agent: POST /v1/joins',
      'muster-agent: join',
    ]);
    for (const name of ['verify evidence', 'appraise', 'reserve serial', 'record issued']) {
      expect(pathOf(spans, name).slice(1)).toEqual([
        'muster: POST /v1/joins',
        'muster-agent: POST /v1/joins',
        'muster-agent: join',
      ]);
    }
    expect(pathOf(spans, 'collect evidence')).toEqual(['muster-agent: collect evidence', 'muster-agent: join']);

    // Who asks for a challenge is anybody: that the agent asked for it is what it says.
    const [asked] = spans.filter((span) => span.name === 'POST /v1/challenges' && span.service === 'muster-agent');
    const link = { traceId, spanId: asked?.spanId };
    const opened = collector.spans.filter(({ links }) => links.some(({ spanId }) => spanId === link.spanId));
    expect(opened).toMatchObject([{ name: 'POST /v1/challenges', parentSpanId: null, links: [link] }]);
    expect(opened[0]?.traceId).not.toBe(traceId);

    const tokens = collector.headers.map(({ authorization }) => authorization);
    expect(new Set(tokens)).toEqual(new Set([undefined, `Bearer ${TOKEN}`]));
    expect(collector.bodies.join()).not.toContain(TOKEN);
  });
});

const traceIdIn = ({ err }: { readonly err: string }): string | undefined =>
  /(?<=trace of this join is )[0-9a-f]{32}/.exec(err)?.[0];

/** The span of this name and those around it, outwards, each with who sent it. */
function pathOf(spans: readonly CollectedSpan[], name: string): readonly string[] {
  const path: string[] = [];
  for (let at = spans.find((span) => span.name === name); at !== undefined;) {
    path.push(`${String(at.service)}: ${at.name}`);
    const { traceId, parentSpanId } = at;
    at = spans.find((span) => span.traceId === traceId && span.spanId === parentSpanId);
  }
  return path;
}
