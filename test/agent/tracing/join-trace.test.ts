import { describe, expect, test } from 'vitest';

import { JoinTrace } from '#agent/tracing/join-trace.ts';
import { sendSpans } from '#agent/tracing/send-spans.ts';
import { systemRandom } from '#core/random.ts';
import { parseTraceparent } from '#services/tracing/traceparent.ts';
import { startTlsCollector } from '#test/lab/otlp-collector.ts';

/** A trace by clocks that the test moves. */
function labTrace() {
  const clock = { wallMs: Date.UTC(2026, 10, 21), elapsedMs: 5 };
  const trace = new JoinTrace({
    now: () => new Date(clock.wallMs),
    elapsedMs: () => clock.elapsedMs,
    random: systemRandom,
  });
  return { clock, trace };
}

describe('the trace of a join', () => {
  test('is named by every request, each time with the part that sends it', async () => {
    const { trace } = labTrace();
    const outside = parseTraceparent(trace.traceparent);
    const during = await trace.during('POST /v1/joins', 'client', () =>
      Promise.resolve(parseTraceparent(trace.traceparent)),
    );
    expect(outside?.traceId).toBe(trace.id);
    expect(during?.traceId).toBe(trace.id);
    expect(during?.spanId).not.toBe(outside?.spanId);
    expect(parseTraceparent(trace.traceparent)).toEqual(outside);
    expect(trace.end(false)).toMatchObject([
      { name: 'POST /v1/joins', spanId: during?.spanId, parentSpanId: outside?.spanId },
      { name: 'join', spanId: outside?.spanId, parentSpanId: undefined },
    ]);
  });

  test('tells how long its parts took though the machine’s clock is set meanwhile', async () => {
    const { clock, trace } = labTrace();
    const begunMs = clock.wallMs;
    await trace.during('open attester', 'internal', async () => {
      clock.elapsedMs += 40;
      clock.wallMs += 31_536_000_000;
    });
    const [part, join] = trace.end(false);
    expect(part).toMatchObject({ fromMs: begunMs, toMs: begunMs + 40 });
    expect(join).toMatchObject({ fromMs: begunMs, toMs: begunMs + 40 });
  });

  test('passes on what a part throws, and says that it failed', async () => {
    const { trace } = labTrace();
    const fault = new Error('no TPM');
    await expect(trace.during('open attester', 'internal', () => Promise.reject(fault))).rejects.toBe(fault);
    expect(trace.end(true)).toMatchObject([{ failed: true }, { failed: true }]);
  });

  test('keeps so many parts and no more, however often a node asks again', async () => {
    const { trace } = labTrace();
    for (let count = 0; count < 500; count += 1)
      await trace.during('POST /v1/joins', 'client', () => Promise.resolve());
    const spans = trace.end(true);
    expect(spans).toHaveLength(129);
    expect(spans.at(-1)).toMatchObject({ name: 'join' });
  });
});

describe('its parts', () => {
  const spansOf = async () => {
    const { clock, trace } = labTrace();
    await trace.during('open attester', 'internal', async () => {
      clock.elapsedMs += 1.5;
    });
    return { id: trace.id, spans: trace.end(true) };
  };

  test('arrive at the collector as OTLP', async () => {
    await using collector = await startTlsCollector();
    const { id, spans } = await spansOf();
    await sendSpans({ endpoint: new URL(collector.endpoint), ca: collector.ca }, spans);
    const join = await collector.span('join');
    expect(join).toMatchObject({
      traceId: id,
      kind: 1,
      parentSpanId: null,
      service: 'muster-agent',
      status: { code: 2 },
    });
    expect(await collector.span('open attester')).toMatchObject({
      parentSpanId: join.spanId,
      status: { code: 0 },
      startTimeUnixNano: '1795219200000000000',
      endTimeUnixNano: '1795219200001500000',
    });
  });

  test.each([
    ['is refused', async () => Object.assign(await startTlsCollector(), { answer: 500 as const })],
    [
      'cannot be verified',
      async () => {
        const collector = await startTlsCollector();
        const other = await startTlsCollector();
        await other[Symbol.asyncDispose]();
        return Object.assign(collector, { ca: other.ca });
      },
    ],
    [
      'is gone',
      async () => {
        const collector = await startTlsCollector();
        await collector[Symbol.asyncDispose]();
        return Object.assign(collector, { [Symbol.asyncDispose]: () => Promise.resolve() });
      },
    ],
  ])('are given up without a word where the collector %s', async (_, start) => {
    await using collector = await start();
    const { spans } = await spansOf();
    await sendSpans({ endpoint: new URL(collector.endpoint), ca: collector.ca }, spans);
    expect(collector.spans).toEqual([]);
  });

  test('are given up where the collector does not answer for two seconds', { timeout: 4_000 }, async () => {
    await using collector = await startTlsCollector();
    collector.answer = 'hang';
    const { spans } = await spansOf();
    await sendSpans({ endpoint: new URL(collector.endpoint), ca: collector.ca }, spans);
    expect(collector.spans).toEqual([]);
  });
});
