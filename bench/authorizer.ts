import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:https';
import { join } from 'node:path';

import { z } from 'zod';

import { nodeReview } from '#test/lab/authorizer-lab.ts';
import { labFingerprint } from '#test/lab/kubernetes-snapshot.ts';

import { cpuMicrosecondsOf } from './process-cpu.ts';

/** How a server answers requests that come at a fixed rate, over connections that are kept. */
export interface RateCost {
  /** From the moment that a request was due to the end of its answer, the client's own time in it. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU of the server's process for each request. */
  readonly cpuMicroseconds: number;
}

export interface AuthorizerBench {
  readonly nodes: number;
  readonly perSecond: number;
  readonly authorizer: RateCost;
  /** A bare HTTPS server with client certificates, in the same run. */
  readonly echo: RateCost;
  /** The authorizer's CPU for a request, over the bare server's. */
  readonly cpuRatio: number;
  readonly p99Ratio: number;
}

const CONNECTIONS = 8;
const WARM_UP_SECONDS = 2;
const PER_SECOND = 2_000;

/** The authorizer with `nodes` nodes and a bare server, each asked 2,000 times a second for `seconds` seconds. */
export async function benchAuthorizer({ nodes = 100_000, seconds = 10 } = {}): Promise<AuthorizerBench> {
  const echo = await measure('echo', nodes, seconds);
  const authorizer = await measure('authorizer', nodes, seconds);
  return {
    nodes,
    perSecond: PER_SECOND,
    authorizer,
    echo,
    cpuRatio: authorizer.cpuMicroseconds / echo.cpuMicroseconds,
    p99Ratio: authorizer.p99Ms / echo.p99Ms,
  };
}

const placeSchema = z.object({ port: z.number(), ca: z.string(), certificate: z.string(), key: z.string() });
type Place = z.output<typeof placeSchema>;

async function measure(mode: 'echo' | 'authorizer', nodes: number, seconds: number): Promise<RateCost> {
  const program = join(import.meta.dirname, 'authorizer-server.ts');
  const args = [program, mode, String(mode === 'echo' ? 0 : nodes)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  try {
    const [message]: unknown[] = await once(child, 'message');
    const place = placeSchema.parse(message);
    const agent = new Agent({
      keepAlive: true,
      maxSockets: CONNECTIONS,
      ca: place.ca,
      cert: place.certificate,
      key: place.key,
    });
    await askAtRate(agent, place, nodes, WARM_UP_SECONDS);
    const before = cpuMicrosecondsOf(child.pid ?? 0);
    const tookMs = (await askAtRate(agent, place, nodes, seconds)).toSorted((a, b) => a - b);
    const cpuMicroseconds = (cpuMicrosecondsOf(child.pid ?? 0) - before) / tookMs.length;
    agent.destroy();
    const at = (share: number): number => tookMs[Math.floor(tookMs.length * share)] ?? Number.NaN;
    return { p50Ms: at(0.5), p99Ms: at(0.99), cpuMicroseconds };
  } finally {
    child.kill();
  }
}

/** Asks whether or not the answers before have come: a server that stalls is charged for everybody who waits. */
async function askAtRate(agent: Agent, place: Place, nodes: number, seconds: number): Promise<readonly number[]> {
  const bodies = Array.from({ length: 256 }, (_, index) => {
    const name = `worker-${Math.floor((index * Math.max(nodes, 1)) / 256)}`;
    return Buffer.from(JSON.stringify(nodeReview(name, labFingerprint(`${name} new`))));
  });
  const total = seconds * PER_SECOND;
  const tookMs: number[] = [];
  const answers: Promise<void>[] = [];
  const startMs = performance.now();
  for (let sent = 0; sent < total;) {
    const due = Math.min(total, Math.floor(((performance.now() - startMs) * PER_SECOND) / 1_000));
    for (; sent < due; sent += 1) {
      const body = bodies[sent % bodies.length] ?? Buffer.alloc(0);
      const dueMs = startMs + (sent * 1_000) / PER_SECOND;
      answers.push(ask(agent, place.port, body).then(() => void tookMs.push(performance.now() - dueMs)));
    }
    // Not a timer: those are late by a millisecond, which is what is being measured.
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(answers);
  return tookMs;
}

function ask(agent: Agent, port: number, body: Buffer): Promise<void> {
  const headers = { 'content-type': 'application/json', 'content-length': body.byteLength };
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: '127.0.0.1', port, agent, method: 'POST', path: '/v1/authorize?timeout=3s', headers },
      (incoming) => {
        incoming.on('error', reject);
        incoming.resume().on('end', () => {
          if (incoming.statusCode === 200) resolve();
          else reject(new Error(`status ${incoming.statusCode}`));
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
