import type { IncomingMessage } from 'node:http';
import { Agent, request, type RequestOptions } from 'node:https';
import { dirname, resolve } from 'node:path';
import { createInterface } from 'node:readline';

import { KubeConfig } from '@kubernetes/client-node';

import { readPrivateFile } from '#pki/private-file.ts';

import {
  ANSWER_WITHIN_MS,
  type ClusterAnswer,
  type ClusterClient,
  type ClusterRequest,
  SILENT_MS,
} from './cluster-client.ts';

const KUBECONFIG_MAX_BYTES = 1_048_576;
/** A page of five hundred Nodes with long image lists is some ten megabytes. */
const ANSWER_MAX_BYTES = 67_108_864;
const EVENT_MAX_BYTES = 4_194_304;

/** A kubeconfig that cannot be used: what is wrong with it. */
export class KubeconfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'KubeconfigError';
  }
}

/**
 * Reads the kubeconfig at `file`: its current context says which API server, and as whom. Throws KubeconfigError on one that leads to a server
 * that would not be authenticated, or through a proxy.
 */
async function readKubeconfig(file: string): Promise<KubeConfig> {
  const text = Buffer.from(await readPrivateFile(file, KUBECONFIG_MAX_BYTES)).toString('utf8');
  const config = new KubeConfig();
  try {
    config.loadFromString(text);
  } catch (error) {
    throw new KubeconfigError(error instanceof Error ? error.message : 'not a kubeconfig');
  }
  config.makePathsAbsolute(dirname(resolve(file)));
  const cluster = config.getCurrentCluster();
  if (cluster === null || config.getCurrentUser() === null)
    throw new KubeconfigError('its current context names no cluster and user');
  if (!URL.canParse(cluster.server) || !cluster.server.startsWith('https:'))
    throw new KubeconfigError('its server is no https URL');
  if (cluster.skipTLSVerify)
    throw new KubeconfigError('insecure-skip-tls-verify: the API server would not be authenticated');
  if (cluster.proxyUrl !== undefined) throw new KubeconfigError('proxy-url is not supported');
  return config;
}

interface Connection {
  readonly server: URL;
  readonly config: KubeConfig;
  agent: Agent;
  /** What the agent authenticates with; it is made anew when a plugin or a file gives something else. */
  material: string;
}

/**
 * The API server that a kubeconfig names, in any form that the official client reads: files, inline data, tokens, plugins. It is read again
 * after every failure and every 401, so that a renewed identity is taken up. Rejects as `readKubeconfig` and when the file cannot be read.
 */
export async function openKubeconfigClient(file: string): Promise<ClusterClient> {
  let connection: Promise<Connection> | undefined = connect(file);
  await connection;
  const forget = (): void => {
    connection?.then(({ agent }) => agent.destroy()).catch(() => undefined);
    connection = undefined;
  };
  const exchange = async (given: ClusterRequest, signal: AbortSignal, silentMs: number): Promise<IncomingMessage> => {
    try {
      connection ??= connect(file);
      const answer = await open(await connection, given, signal, silentMs);
      if (answer.statusCode === 401) forget();
      return answer;
    } catch (error) {
      if (!signal.aborted) forget();
      throw error;
    }
  };
  return {
    send: async (given, stop) => {
      const signal = AbortSignal.any([stop, AbortSignal.timeout(ANSWER_WITHIN_MS)]);
      return readAnswer(await exchange(given, signal, ANSWER_WITHIN_MS));
    },
    watch: async (path, take, stop) => {
      const answer = await exchange({ method: 'GET', path }, stop, SILENT_MS);
      if (answer.statusCode === 200) await readEvents(answer, take);
      else answer.resume();
      return answer.statusCode ?? 0;
    },
    [Symbol.dispose]: forget,
  };
}

async function connect(file: string): Promise<Connection> {
  const config = await readKubeconfig(file);
  const server = new URL(config.getCurrentCluster()?.server ?? '');
  return { server, config, agent: new Agent(), material: '' };
}

async function open(
  connection: Connection,
  { method, path, body }: ClusterRequest,
  signal: AbortSignal,
  silentMs: number,
): Promise<IncomingMessage> {
  const { server, config } = connection;
  const identity: RequestOptions = {};
  await config.applyToHTTPSOptions(identity);
  useAgent(connection, identity);
  const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  const headers = {
    ...Object.fromEntries(Object.entries(identity.headers ?? {})),
    accept: 'application/json',
    ...(bytes === undefined ? {} : { 'content-type': type, 'content-length': bytes.byteLength }),
  };
  return new Promise((resolveAnswer, reject) => {
    const outgoing = request(
      new URL(`${server.pathname.replace(/\/$/, '')}${path}`, server),
      {
        method,
        headers,
        signal,
        agent: connection.agent,
        ...(identity.auth === undefined ? {} : { auth: identity.auth }),
      },
      resolveAnswer,
    );
    outgoing.setTimeout(silentMs, () => outgoing.destroy(new Error('the API server is silent')));
    outgoing.on('error', reject);
    outgoing.end(bytes);
  });
}

function useAgent(connection: Connection, { ca, cert, key, servername }: RequestOptions): void {
  const material = [ca, cert, key, servername].map(String).join('\0');
  if (material === connection.material) return;
  connection.agent.destroy();
  connection.material = material;
  const optional = Object.fromEntries(
    Object.entries({ ca, cert, key, servername }).filter(([, value]) => value !== undefined),
  );
  // Whatever the environment says, a server that does not authenticate itself is none.
  connection.agent = new Agent({ keepAlive: true, minVersion: 'TLSv1.2', rejectUnauthorized: true, ...optional });
}

async function readAnswer(answer: IncomingMessage): Promise<ClusterAnswer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('an answer is bytes');
    size += chunk.byteLength;
    if (size > ANSWER_MAX_BYTES) throw new Error('the answer is too large');
    chunks.push(chunk);
  }
  return { status: answer.statusCode ?? 0, json: parseJson(Buffer.concat(chunks).toString('utf8')) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function readEvents(answer: IncomingMessage, take: (event: unknown) => void): Promise<void> {
  let sinceLine = 0;
  answer.on('data', (chunk: Buffer) => {
    sinceLine = chunk.includes(10) ? 0 : sinceLine + chunk.byteLength;
    if (sinceLine > EVENT_MAX_BYTES) answer.destroy(new Error('an event is too large'));
  });
  const failed = new Promise<never>((_, reject) => {
    answer.once('error', reject);
  });
  const reading = async (): Promise<void> => {
    for await (const line of createInterface({ input: answer, crlfDelay: Infinity })) {
      if (line === '') continue;
      const event = parseJson(line);
      if (event === undefined) throw new Error('an event is no JSON');
      take(event);
    }
  };
  await Promise.race([reading(), failed]);
  if (!answer.complete) throw new Error('the watch broke off');
}
