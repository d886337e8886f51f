import { describe, expect, test } from 'vitest';
import { z } from 'zod';

import { createLog } from '#services/http/request-log.ts';
import { SPAN_NAMES } from '#services/tracing/tracing.ts';
import { enrol } from '#test/lab/join-lab.ts';
import { type LabCollector, startCollector } from '#test/lab/otlp-collector.ts';
import { type RunningService, runService } from '#test/lab/running-service.ts';
import { readPage } from '#test/lab/signals.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { joinBodyFor } from '#test/lab/wire.ts';

const REMOTE = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
const TRACEPARENT = `00-${REMOTE.traceId}-${REMOTE.spanId}-01`;

const lineSchema = z.object({
  msg: z.string(),
  route: z.string().optional(),
  requestId: z.string().optional(),
  traceId: z.string().optional(),
});

/** The service, its collector, and the lines of its log. */
async function traced(sampleRatio = 1) {
  await using undo = new AsyncDisposableStack();
  const collector = undo.use(await startCollector());
  const lines: z.output<typeof lineSchema>[] = [];
  const log = createLog('info', { write: (line) => void lines.push(lineSchema.parse(JSON.parse(line))) });
  const running = await runService({
    log,
    collector: { ca: undefined, headers: () => Promise.resolve({}) },
    configure: { tracing: { endpoint: collector.endpoint, sampleRatio } },
  });
  const lifetime = undo.move();
  // What waits is sent when the service stops.
  let stopping: PromiseLike<void> | undefined;
  const stop = () => (stopping ??= running[Symbol.asyncDispose]());
  return {
    running,
    collector,
    lines,
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
      await lifetime.disposeAsync();
    },
  };
}

const joinWith = async ({ tpm, node }: Pick<RunningService, 'tpm' | 'node'>, headers: Record<string, string>) => {
  const client = node();
  const body = await joinBodyFor(client, tpm);
  const answer = await client.send({ method: 'POST', path: '/v1/joins', body, headers });
  return { body, answer };
};

const childrenOf = (collector: LabCollector, name: string): readonly string[] => {
  const parent = collector.spans.find((span) => span.name === name);
  return collector.spans.filter(({ parentSpanId }) => parentSpanId === parent?.spanId).map((span) => span.name);
};

describe('a join that is traced', { timeout: 60_000 }, () => {
  test('is one trace from the request to the signature, in the node’s own, and the log says which', async () => {
    await using world = await traced();
    const { running, collector, lines } = world;
    await enrol(running.store, running.tpm);
    const { answer } = await joinWith(running, { traceparent: TRACEPARENT });
    expect(answer.status).toBe(201);

    // The last of the request’s spans to arrive.
    const own = await collector.span('POST /v1/joins');
    expect(own).toMatchObject({ traceId: REMOTE.traceId, parentSpanId: REMOTE.spanId, links: [] });
    expect(own.attributes).toMatchObject({ 'muster.node': 'worker-7', 'http.response.status_code': 201 });
    expect(childrenOf(collector, 'POST /v1/joins')).toEqual(
      expect.arrayContaining([
        'wait for a place',
        'take ticket',
        'find node',
        'verify evidence',
        'appraise',
        'reserve serial',
        'sign certificate',
        'record issued',
      ]),
    );
    expect(childrenOf(collector, 'sign certificate')).toEqual(['ask signer']);
    expect(await collector.span('reserve serial')).toMatchObject({
      traceId: REMOTE.traceId,
      attributes: { 'db.system.name': 'sqlite' },
    });
    expect(await collector.span('ask signer')).toMatchObject({ attributes: { 'muster.signer': 'file' } });
    const line = lines.find(({ route }) => route === '/v1/joins');
    expect(line).toMatchObject({ traceId: REMOTE.traceId, requestId: own.attributes['muster.request_id'] });
    expect((await collector.span('POST /v1/challenges')).traceId).toBe(
      lines.find(({ route }) => route === '/v1/challenges')?.traceId,
    );
  });

  test('stays a trace of its own where the node was refused, with the Verifier’s reasons', async () => {
    await using world = await traced();
    const { running, collector, lines } = world;
    await enrol(running.store, running.tpm);
    const { answer } = await joinWith({ ...running, tpm: labTpm() }, { traceparent: TRACEPARENT });
    expect(answer.status).toBe(403);

    const own = await collector.span('POST /v1/joins');
    expect(own).toMatchObject({ parentSpanId: null, links: [REMOTE] });
    expect(own.traceId).not.toBe(REMOTE.traceId);
    expect(own.attributes).toMatchObject({ 'muster.problem': 'evidence-rejected' });
    expect(collector.spans.filter(({ traceId }) => traceId === REMOTE.traceId)).toEqual([]);
    expect((await collector.span('appraise')).attributes).toEqual({
      'muster.outcome': 'contraindicated',
      'muster.denials': ['ek-not-enrolled'],
    });
    expect(lines.find(({ route }) => route === '/v1/joins')).toMatchObject({ traceId: own.traceId });
  });

  test('has nothing in it that the node sent or was sent', async () => {
    await using world = await traced();
    const { running, collector } = world;
    await enrol(running.store, running.tpm);
    const { body, answer } = await joinWith(running, {});
    // A request’s own span is the last of it to arrive.
    await collector.span('POST /v1/joins');
    const said = [...stringsIn(body), ...stringsIn(answer.json)].filter((text) => text.length > 8);
    // The name is the enrolment's; all else is ticket, evidence, key and certificate.
    expect(said.length).toBeGreaterThan(10);
    const sent = collector.bodies.join();
    expect(said.filter((text) => sent.includes(text))).toEqual([]);
    const keys = new Set(collector.spans.flatMap(({ attributes }) => Object.keys(attributes)));
    expect([...keys].filter((key) => !KNOWN.has(key))).toEqual([]);
    const names = new Set(collector.spans.map(({ name }) => name));
    expect([...names].filter((name) => !KNOWN_NAMES.has(name))).toEqual([]);
  });

  test('is told of by no line of the log, and not at all, where it is not recorded', async () => {
    await using world = await traced(0);
    const { running, collector, lines } = world;
    await enrol(running.store, running.tpm);
    expect((await joinWith(running, { traceparent: TRACEPARENT })).answer.status).toBe(201);
    await world.stop();
    expect(collector.spans).toEqual([]);
    expect(lines.filter(({ traceId }) => traceId !== undefined)).toEqual([]);
  });

  test('is answered as ever while the collector does not answer, and the metrics say what it costs', async () => {
    await using world = await traced();
    const { running, collector } = world;
    collector.answer = 400;
    await enrol(running.store, running.tpm);
    expect((await joinWith(running, {})).answer.status).toBe(201);
    await expect
      .poll(async () => (await readPage(running, '/metrics')).text, { timeout: 30_000 })
      .toMatch(/^muster_trace_spans_total\{outcome="not-taken"\} 1[0-9]$/m);
  });

  test('is the only kind of request that is', async () => {
    await using world = await traced();
    await world.running.node().send({ method: 'POST', path: '/v1/heartbeats', body: {} });
    await world.running.admin(await world.running.administrator()).send({ path: '/v1/nodes' });
    await world.stop();
    expect(world.collector.spans).toEqual([]);
  });
});

const KNOWN = new Set([
  'http.request.method',
  'http.route',
  'http.response.status_code',
  'muster.request_id',
  'muster.node',
  'db.system.name',
  'muster.signer',
  'muster.outcome',
]);
const KNOWN_NAMES = new Set<string>([...SPAN_NAMES, 'POST /v1/challenges', 'POST /v1/joins']);

function stringsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(stringsIn);
}
