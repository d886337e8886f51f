import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, request as httpRequest } from 'node:http';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';

import { systemRandom } from '#core/random.ts';
import { createApp, type Gate } from '#services/http/app.ts';
import { BodyBudget } from '#services/http/body-budget.ts';
import { type Anonymous, nodeRoute, nothing } from '#services/http/route.ts';
import { silentLog } from '#test/fakes/silent-log.ts';
import { origin } from '#test/lab/join-lab.ts';

const HERE = origin('10.1.2.3');
const budgetOf = (totalBytes: number) => new BodyBudget({ totalBytes, random: systemRandom });

describe('the budget of bodies', () => {
  test('gives a network alone a fifth, and no byte more', () => {
    const budget = budgetOf(1_000);
    const { take } = budget.open(HERE);
    take(200);
    expect(() => take(1)).toThrow('overloaded');
    expect(budget.usedBytes).toBe(200);
  });

  test('counts all requests of one IPv6 /64 as one network’s, and of its neighbour as another’s', () => {
    const budget = budgetOf(1_000);
    budget.open(origin('2001:db8::1')).take(200);
    expect(() => budget.open(origin('2001:db8::ffff')).take(1)).toThrow('overloaded');
    expect(() => budget.open(origin('2001:db8:0:1::1')).take(100)).not.toThrow();
  });

  test('counts callers without an address as one network’s', () => {
    const budget = budgetOf(1_000);
    budget.open(undefined).take(200);
    expect(() => budget.open(undefined).take(1)).toThrow('overloaded');
  });

  test('is never used up: each network more gets less, and a small body still finds room', () => {
    const budget = budgetOf(1_000_000);
    for (let host = 1; host <= 20; host += 1) {
      const { take } = budget.open(origin(`10.0.0.${host}`));
      const free = 1_000_000 - budget.usedBytes;
      take(Math.floor(free / 5));
    }
    expect(budget.usedBytes).toBeLessThan(990_000);
    expect(() => budget.open(HERE).take(2_000)).not.toThrow();
  });

  test('has back what was taken once a request has ended, however often that is said', () => {
    const budget = budgetOf(1_000);
    const first = budget.open(HERE);
    const second = budget.open(HERE);
    first.take(150);
    second.take(50);
    first.release();
    first.release();
    expect(budget.usedBytes).toBe(50);
    expect(() => first.take(1)).toThrow('the request has ended');
    second.release();
    expect(budget.usedBytes).toBe(0);
  });

  test('asks those whom it refuses to come again within eight seconds, not all at once', () => {
    const waits = [0x00, 0x80, 0xff].map((byte) => {
      const budget = new BodyBudget({ totalBytes: 10, random: (length) => new Uint8Array(length).fill(byte) });
      try {
        budget.open(HERE).take(10);
        return undefined;
      } catch (error) {
        return error;
      }
    });
    expect(waits).toMatchObject([1, 5, 8].map((retryAfterSeconds) => ({ details: { retryAfterSeconds } })));
  });
});

describe('a listener with a budget of bodies', () => {
  const gate: Gate<Anonymous> = {
    identify: () => Promise.resolve('anonymous'),
    permits: () => true,
    nameOf: () => undefined,
    authenticated: false,
    recordRefusal: () => Promise.resolve(),
  };
  let stack = new AsyncDisposableStack();
  beforeEach(() => {
    stack = new AsyncDisposableStack();
  });
  afterEach(() => stack.disposeAsync());

  async function listen(totalBytes: number) {
    const bodies = budgetOf(totalBytes);
    const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
    const { promise: hasBegun, resolve: begin } = Promise.withResolvers<void>();
    const route = nodeRoute({
      method: 'POST',
      path: '/v1/slow',
      operationId: 'slow',
      summary: 'Answers when it may.',
      params: nothing,
      query: nothing,
      body: { schema: z.strictObject({ text: z.string() }), limitBytes: 100_000 },
      answers: { 200: { description: 'done', schema: undefined } },
      problems: [],
      handle: async () => {
        begin();
        await mayEnd;
        return { status: 200, body: {} };
      },
    });
    const app = createApp({ listener: 'node', routes: [route], gate, log: silentLog, random: systemRandom, bodies });
    const server = createServer(app);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    stack.defer(() => void server.close());
    stack.defer(() => server.closeAllConnections());
    const { port } = server.address() as AddressInfo;
    const open = (headers: Record<string, string>) => {
      const sent = httpRequest({
        port,
        host: '127.0.0.1',
        method: 'POST',
        path: '/v1/slow',
        agent: false,
        headers: { 'content-type': 'application/json', ...headers },
      });
      sent.on('error', () => undefined);
      return sent;
    };
    const statusOf = async (sent: ReturnType<typeof open>) => {
      const [answer] = await once(sent, 'response');
      answer.resume();
      return { status: answer.statusCode, retryAfter: answer.headers['retry-after'] };
    };
    return { bodies, open, statusOf, hasBegun, end };
  }

  const BODY = JSON.stringify({ text: 'a'.repeat(3_000) });

  test('refuses an announced length over its share before a byte of it is there, with the time to wait', async () => {
    const { open, statusOf } = await listen(10_000);
    const sent = open({ 'content-length': String(BODY.length) });
    sent.flushHeaders();
    const { status, retryAfter } = await statusOf(sent);
    expect(status).toBe(503);
    expect(Number(retryAfter)).toBeGreaterThan(0);
  });

  test('refuses a body of unknown length at the byte that is over', async () => {
    const { open, statusOf, bodies } = await listen(10_000);
    const sent = open({ 'transfer-encoding': 'chunked' });
    sent.write(BODY.slice(0, 1_500));
    sent.write(BODY.slice(1_500));
    const { status } = await statusOf(sent);
    expect(status).toBe(503);
    await expect.poll(() => bodies.usedBytes).toBe(0);
  });

  test('holds a body for as long as work with it goes on, also when its caller has hung up', async () => {
    const { open, bodies, hasBegun, end } = await listen(100_000);
    const sent = open({ 'content-length': String(BODY.length) });
    sent.end(BODY);
    await hasBegun;
    const { promise: hungUp, resolve } = Promise.withResolvers<void>();
    sent.once('close', () => resolve());
    sent.destroy();
    await hungUp;
    expect(bodies.usedBytes).toBe(BODY.length);
    end();
    await expect.poll(() => bodies.usedBytes).toBe(0);
  });

  test('has back what a caller announced and never sent', async () => {
    const { open, bodies } = await listen(100_000);
    const sent = open({ 'content-length': String(BODY.length) });
    sent.write('{');
    await expect.poll(() => bodies.usedBytes).toBe(BODY.length);
    sent.destroy();
    await expect.poll(() => bodies.usedBytes).toBe(0);
  });
});
