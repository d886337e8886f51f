import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';

import type { TlsIdentity } from '#test/lab/service-pki.ts';

/** An object as the API server keeps it. */
export interface StoredObject {
  metadata: {
    name: string;
    namespace?: string;
    uid: string;
    resourceVersion: string;
    labels?: Record<string, string>;
    [member: string]: unknown;
  };
  spec: Record<string, unknown>;
  [member: string]: unknown;
}

type Partialish = {
  metadata: { name: string; namespace?: string; [member: string]: unknown };
  [member: string]: unknown;
};
interface Change {
  readonly type: string;
  readonly collection: string;
  readonly version: number;
  readonly object: StoredObject;
}

const COLLECTION =
  /^\/(?:api\/v1|apis\/coordination\.k8s\.io\/v1)(?:\/namespaces\/([^/]+))?\/(nodes|pods|leases)(?:\/([^/]+))?$/;

/** What it was asked to do, beside reading. */
export interface AskedFor {
  readonly method: string;
  readonly path: string;
}

/**
 * An API server as far as the node controller can tell: numbered versions, lists in pages, watches from a version, conflicts for a version or
 * UID that is no longer, 410 for what it has forgotten. What a test does to it by hand is a change like any other.
 */
export class ApiServerDouble implements AsyncDisposable {
  readonly #identity: TlsIdentity;
  readonly #objects = new Map<string, StoredObject>();
  readonly #watches = new Set<{ readonly collection: string; readonly response: ServerResponse }>();
  #changes: Change[] = [];
  #version = 100;
  #server: Server | undefined;
  #port = 0;
  readonly writes: AskedFor[] = [];
  /** Everybody is answered so, while it is set. */
  failsWith: number | undefined;
  /** Called before each write is looked at. */
  beforeWrite: (asked: AskedFor) => void = () => undefined;

  private constructor(identity: TlsIdentity) {
    this.#identity = identity;
  }

  static async start(identity: TlsIdentity): Promise<ApiServerDouble> {
    const double = new ApiServerDouble(identity);
    await double.up();
    return double;
  }

  get url(): string {
    return `https://127.0.0.1:${this.#port}`;
  }

  get openWatches(): number {
    return this.#watches.size;
  }

  async up(): Promise<void> {
    const { certificatePem: cert, keyPem: key } = this.#identity;
    this.#server = createServer({ cert, key }, (request, response) => void this.#answer(request, response));
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** As by kill -9: every connection breaks. */
  async down(): Promise<void> {
    const closed = new Promise((resolve) => this.#server?.close(resolve));
    this.#server?.closeAllConnections();
    await closed;
    this.#watches.clear();
  }

  /** Forgets what happened: who asks for changes from before gets 410. */
  compact(): void {
    this.#changes = [];
    this.#version += 1_000;
  }

  /** Ends every watch with an event, as the server does when it has forgotten what comes next. */
  expireWatches(): void {
    this.compact();
    for (const { response } of this.#watches) {
      response.end(`${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410 } })}\n`);
    }
    this.#watches.clear();
  }

  object(collection: string, name: string): StoredObject | undefined {
    return this.#objects.get(`${collection}/${name}`);
  }

  put(collection: string, given: Partialish): StoredObject {
    const key = `${collection}/${given.metadata.name}`;
    const before = this.#objects.get(key);
    this.#version += 1;
    const object = {
      spec: {},
      ...structuredClone(given),
      metadata: {
        ...structuredClone(given.metadata),
        uid: before?.metadata.uid ?? `uid-${this.#version}`,
        resourceVersion: String(this.#version),
      },
    };
    this.#objects.set(key, object);
    this.#tell({ type: before === undefined ? 'ADDED' : 'MODIFIED', collection, version: this.#version, object });
    return object;
  }

  remove(collection: string, name: string): void {
    const object = this.#objects.get(`${collection}/${name}`);
    if (object === undefined) return;
    this.#objects.delete(`${collection}/${name}`);
    this.#version += 1;
    const metadata = { ...object.metadata, resourceVersion: String(this.#version) };
    this.#tell({ type: 'DELETED', collection, version: this.#version, object: { ...object, metadata } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
  }

  #tell(change: Change): void {
    this.#changes.push(change);
    for (const { collection, response } of this.#watches) if (collection === change.collection) send(response, change);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
    const url = new URL(request.url ?? '/', this.url);
    const reply = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    const [, , collection, name] = COLLECTION.exec(url.pathname) ?? [];
    const method = request.method ?? '';
    if (method !== 'GET') {
      const asked = { method, path: url.pathname };
      this.beforeWrite(asked);
      this.writes.push(asked);
    }
    if (this.failsWith !== undefined) return reply(this.failsWith, {});
    if (collection === undefined) return reply(404, {});
    if (method === 'GET' && url.searchParams.get('watch') === 'true') return this.#watch(collection, url, response);
    if (method === 'GET' && name === undefined) return reply(200, this.#list(collection, url));
    const text = Buffer.concat(chunks).toString('utf8');
    const body = (text === '' ? {} : JSON.parse(text)) as Partialish & { preconditions?: { uid?: string } };
    if (method === 'POST') {
      const there = this.object(collection, body.metadata.name);
      return there === undefined ? reply(201, this.put(collection, body)) : reply(409, {});
    }
    const there = this.object(collection, name ?? '');
    if (there === undefined) return reply(404, {});
    if (method === 'GET') return reply(200, there);
    if (method === 'DELETE') {
      if (body.preconditions?.uid !== undefined && body.preconditions.uid !== there.metadata.uid) return reply(409, {});
      this.remove(collection, name ?? '');
      return reply(200, {});
    }
    if (request.headers['content-type'] !== 'application/merge-patch+json') return reply(415, {});
    const { resourceVersion, uid } = body.metadata;
    if (resourceVersion !== undefined && resourceVersion !== there.metadata.resourceVersion) return reply(409, {});
    if (uid !== undefined && uid !== there.metadata.uid) return reply(409, {});
    reply(200, this.put(collection, mergePatch(there, body) as Partialish));
  }

  #list(collection: string, url: URL): object {
    const limit = Number(url.searchParams.get('limit') ?? 1_000);
    const from = Number(url.searchParams.get('continue') ?? 0);
    const [, node] = /^spec\.nodeName=(.*)$/.exec(url.searchParams.get('fieldSelector') ?? '') ?? [];
    const all = [...this.#objects]
      .filter(
        ([key, { spec }]) => key.startsWith(`${collection}/`) && (node === undefined || spec['nodeName'] === node),
      )
      .map(([, object]) => object);
    const next = from + limit < all.length ? { continue: String(from + limit) } : {};
    return { metadata: { resourceVersion: String(this.#version), ...next }, items: all.slice(from, from + limit) };
  }

  #watch(collection: string, url: URL, response: ServerResponse): void {
    const from = Number(url.searchParams.get('resourceVersion'));
    const oldest = this.#changes[0]?.version ?? this.#version + 1;
    if (from < oldest - 1 && from !== this.#version) {
      response.writeHead(410, { 'content-type': 'application/json' }).end('{}');
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    for (const change of this.#changes)
      if (change.collection === collection && change.version > from) send(response, change);
    const watch = { collection, response };
    this.#watches.add(watch);
    response.on('close', () => this.#watches.delete(watch));
  }
}

const send = (response: ServerResponse, { type, object }: Change): boolean =>
  response.write(`${JSON.stringify({ type, object })}\n`);

/** RFC 7396. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const merged: Record<string, unknown> = typeof target === 'object' && target !== null ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = mergePatch(merged[name], value);
  }
  return merged;
}
