import { setTimeout as pause } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';

import { newRequestId } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import { createLog, type RequestFacts } from '#services/http/request-log.ts';
import { openTracing } from '#services/tracing/open-tracing.ts';
import type { Delivery, TracingOptions } from '#services/tracing/tracing-options.ts';
import type { Tracing } from '#services/tracing/tracing.ts';
import { type LabCollector, startCollector } from '#test/lab/otlp-collector.ts';

const REMOTE = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
const TRACEPARENT = `00-${REMOTE.traceId}-${REMOTE.spanId}-01`;
/** A machine with much to do takes its time. */
const BUSY = { timeout: 10_000 };
const PROMPT: Partial<Delivery> = { everyMs: 10, patienceMs: 500, lastMs: 1_000 };

let collector: LabCollector;
const told: string[] = [];
const log = createLog('info', {
  write: (line) => {
    told.push(z.object({ msg: z.string() }).parse(JSON.parse(line)).msg);
  },
});

beforeEach(async () => {
  collector = await startCollector();
});
afterEach(async () => {
  told.splice(0);
  await collector[Symbol.asyncDispose]();
});

const open = (options: Partial<TracingOptions> = {}): Promise<Tracing> =>
  openTracing({
    endpoint: new URL(collector.endpoint),
    ca: undefined,
    headers: () => Promise.resolve({}),
    sampleRatio: 1,
    version: 'lab',
    instanceId: 'one',
    random: systemRandom,
    log,
    delivery: PROMPT,
    ...options,
  });

const requestId = newRequestId(systemRandom);
const FACTS: RequestFacts = {
  requestId,
  listener: 'node',
  method: 'POST',
  route: '/v1/joins',
  status: 201,
  problem: undefined,
  address: undefined,
  caller: undefined,
  durationMs: 1,
};

/** One request in which `work` is done. Gives the trace's id as the log has it. */
async function request(
  tracing: Tracing,
  work: () => Promise<unknown>,
  { traceparent, ...facts }: Partial<RequestFacts> & { traceparent?: string } = {},
): Promise<string | undefined> {
  const trace = tracing.traceRequest({ requestId, method: 'POST', route: '/v1/joins', traceparent });
  await trace?.during(work).catch(() => undefined);
  trace?.answered({ ...FACTS, ...facts });
  return trace?.id;
}

describe('a recorded request', () => {
  test('is one trace: its span, and within it a span for each part', async () => {
    await using tracing = await open();
    const id = await request(tracing, async () => {
      await tracing.traced('sign certificate', {}, () =>
        tracing.traced('ask signer', { 'muster.signer': 'file' }, () => pause(2)),
      );
      tracing.traced(
        'appraise',
        {},
        () => ({ status: 'affirming' }),
        ({ status }) => ({ 'muster.outcome': status }),
      );
    });
    const own = await collector.span('POST /v1/joins');
    const sign = await collector.span('sign certificate');
    const ask = await collector.span('ask signer');
    const appraise = await collector.span('appraise');
    expect(new Set(collector.spans.map(({ traceId }) => traceId))).toEqual(new Set([id]));
    expect(own).toMatchObject({ parentSpanId: null, kind: 2, service: 'muster', links: [] });
    expect(own.attributes).toEqual({
      'http.request.method': 'POST',
      'http.route': '/v1/joins',
      'http.response.status_code': 201,
      'muster.request_id': requestId,
    });
    expect([sign.parentSpanId, ask.parentSpanId, appraise.parentSpanId]).toEqual([own.spanId, sign.spanId, own.spanId]);
    expect(ask.attributes).toEqual({ 'muster.signer': 'file' });
    expect(appraise.attributes).toEqual({ 'muster.outcome': 'affirming' });
    expect(BigInt(own.startTimeUnixNano) <= BigInt(ask.startTimeUnixNano)).toBe(true);
    expect(BigInt(ask.endTimeUnixNano) <= BigInt(own.endTimeUnixNano)).toBe(true);
  });

  test('gives and throws what its parts do, and says of a fault no more than its name', async () => {
    await using tracing = await open();
    const fault = new RangeError('a secret');
    await request(
      tracing,
      async () => {
        expect(tracing.traced('appraise', {}, () => 7)).toBe(7);
        expect(await tracing.traced('find node', {}, () => Promise.resolve('x'))).toBe('x');
        expect(() =>
          tracing.traced('verify evidence', {}, () => {
            throw fault;
          }),
        ).toThrow(fault);
        await expect(tracing.traced('ask signer', {}, () => Promise.reject(fault))).rejects.toBe(fault);
      },
      { status: 503, problem: 'dependency-unavailable' },
    );
    const own = await collector.span('POST /v1/joins');
    expect(own).toMatchObject({ status: { code: 2 }, attributes: { 'muster.problem': 'dependency-unavailable' } });
    for (const name of ['verify evidence', 'ask signer']) {
      expect(await collector.span(name)).toMatchObject({
        status: { code: 2 },
        attributes: { 'error.type': 'RangeError' },
      });
    }
    expect(collector.bodies.join()).not.toContain('secret');
  });

  test('is not disturbed by what a span makes of a result', async () => {
    await using tracing = await open();
    await request(tracing, async () => {
      const learned = (): never => {
        throw new Error('not the request’s concern');
      };
      expect(await tracing.traced('appraise', {}, () => Promise.resolve(7), learned)).toBe(7);
    });
    await collector.span('appraise');
  });

  test('keeps apart from another that runs at the same time', async () => {
    await using tracing = await open();
    const both = ['find node', 'take ticket'] as const;
    const ids = await Promise.all(
      both.map((name) => request(tracing, async () => await tracing.traced(name, {}, () => pause(5)))),
    );
    for (const [index, name] of both.entries()) expect((await collector.span(name)).traceId).toBe(ids[index]);
    expect(ids[0]).not.toBe(ids[1]);
  });

  test('has the spans of work that went on after its answer', async () => {
    await using tracing = await open();
    const { promise, resolve } = Promise.withResolvers<void>();
    let late: Promise<void> | undefined;
    const id = await request(
      tracing,
      async () => {
        tracing.trustCaller();
        late = tracing.traced('record issued', {}, () => promise);
      },
      { traceparent: TRACEPARENT },
    );
    resolve();
    await late;
    expect((await collector.span('record issued')).traceId).toBe(id);
    expect(id).toBe(REMOTE.traceId);
  });

  test('is all that is recorded: without one, work is work alone', async () => {
    await using tracing = await open();
    expect(await tracing.traced('ask signer', {}, () => Promise.resolve('x'))).toBe('x');
    tracing.trustCaller();
    await request(tracing, () => Promise.resolve());
    await collector.span('POST /v1/joins');
    expect(collector.spans).toHaveLength(1);
  });
});

describe('what a caller says of its own trace', () => {
  test('is a link, as long as nothing is known of the caller', async () => {
    await using tracing = await open();
    const id = await request(tracing, () => tracing.traced('find node', {}, () => pause(1)), {
      traceparent: TRACEPARENT,
    });
    const own = await collector.span('POST /v1/joins');
    expect(own).toMatchObject({ traceId: id, parentSpanId: null, links: [REMOTE] });
    expect(id).not.toBe(REMOTE.traceId);
  });

  test('is the parent of everything once the caller is trusted, spans that ended before included', async () => {
    await using tracing = await open();
    const id = await request(
      tracing,
      async () => {
        await tracing.traced('find node', {}, () => pause(1));
        tracing.trustCaller();
        await tracing.traced('sign certificate', {}, () => tracing.traced('ask signer', {}, () => pause(1)));
      },
      { traceparent: TRACEPARENT },
    );
    expect(id).toBe(REMOTE.traceId);
    const own = await collector.span('POST /v1/joins');
    expect(own).toMatchObject({ ...REMOTE, spanId: own.spanId, parentSpanId: REMOTE.spanId, links: [] });
    const sign = await collector.span('sign certificate');
    expect(sign).toMatchObject({ traceId: REMOTE.traceId, parentSpanId: own.spanId });
    expect(await collector.span('ask signer')).toMatchObject({ traceId: REMOTE.traceId, parentSpanId: sign.spanId });
    expect(await collector.span('find node')).toMatchObject({ traceId: REMOTE.traceId, parentSpanId: own.spanId });
  });

  test('is nothing at all where it is malformed, and stands nowhere', async () => {
    await using tracing = await open();
    const traceparent = `00-${'x'.repeat(32)}-${REMOTE.spanId}-01`;
    await request(tracing, () => Promise.resolve(tracing.trustCaller()), { traceparent });
    expect(await collector.span('POST /v1/joins')).toMatchObject({ parentSpanId: null, links: [] });
    expect(collector.bodies.join()).not.toContain('xxxx');
  });

  test('does not decide whether it is recorded', async () => {
    await using none = await open({ sampleRatio: 0 });
    expect(await request(none, () => Promise.resolve(), { traceparent: TRACEPARENT })).toBeUndefined();
    await using all = await open();
    const unwished = TRACEPARENT.replace(/01$/, '00');
    expect(await request(all, () => Promise.resolve(), { traceparent: unwished })).toBeDefined();
  });

  test('does not decide it by a trace id either: the same one is recorded now and then', async () => {
    await using half = await open({ sampleRatio: 0.5 });
    const recorded = await Promise.all(
      Array.from({ length: 200 }, () => request(half, () => Promise.resolve(), { traceparent: TRACEPARENT })),
    );
    const count = recorded.filter((id) => id !== undefined).length;
    expect(count).toBeGreaterThan(50);
    expect(count).toBeLessThan(150);
  });
});

describe('a collector', () => {
  const many = async (tracing: Tracing, count: number): Promise<void> => {
    for (let index = 0; index < count; index += 1) await request(tracing, () => Promise.resolve());
  };

  test.each([503, 400, 'hang'] as const)(
    'that answers with %s costs spans, which are counted, and is told of once',
    async (answer) => {
      collector.answer = answer;
      await using tracing = await open({ delivery: { ...PROMPT, batch: 4, patienceMs: 60 } });
      await many(tracing, 8);
      await expect.poll(() => tracing.counts(), BUSY).toEqual({ exported: 0, crowdedOut: 0, refused: 8 });
      expect(told).toEqual(['the collector takes no traces']);
      collector.answer = 200;
      await many(tracing, 1);
      await expect.poll(() => tracing.counts(), BUSY).toEqual({ exported: 1, crowdedOut: 0, refused: 8 });
      expect(told).toEqual(['the collector takes no traces', 'the collector takes traces again']);
    },
  );

  test('that does not answer lets no more than a queue of spans wait, and the rest is counted', async () => {
    collector.answer = 'hang';
    await using tracing = await open({
      delivery: { ...PROMPT, waiting: 10, batch: 5, patienceMs: 60_000, lastMs: 20 },
    });
    await many(tracing, 100);
    // One batch has left the queue and hangs.
    expect(tracing.counts().crowdedOut).toBeGreaterThanOrEqual(85);
    expect(tracing.counts().crowdedOut).toBeLessThanOrEqual(90);
  });

  test('that does not answer does not hold up the end for longer than was said', { timeout: 2_000 }, async () => {
    collector.answer = 'hang';
    const tracing = await open({ delivery: { everyMs: 60_000, patienceMs: 60_000, lastMs: 30 } });
    await many(tracing, 1);
    await tracing[Symbol.asyncDispose]();
    expect(tracing.counts()).toEqual({ exported: 0, crowdedOut: 0, refused: 0 });
  });

  test('gets what still waits when the service stops', async () => {
    const tracing = await open({ delivery: { everyMs: 60_000 } });
    await many(tracing, 3);
    await tracing[Symbol.asyncDispose]();
    expect(collector.spans).toHaveLength(3);
    expect(tracing.counts()).toEqual({ exported: 3, crowdedOut: 0, refused: 0 });
  });

  test('is shown the headers as they are then', async () => {
    let token = 'first';
    await using tracing = await open({ headers: () => Promise.resolve({ 'x-token': token }) });
    await many(tracing, 1);
    await expect.poll(() => tracing.counts().exported, BUSY).toBe(1);
    token = 'second';
    await many(tracing, 1);
    await expect.poll(() => tracing.counts().exported, BUSY).toBe(2);
    expect(collector.headers.map((sent) => sent['x-token'])).toEqual(['first', 'second']);
  });
});
