import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';

import { z } from 'zod';

import { labNodeCa } from './node-ca.ts';
import { certificatePem, labServerIdentity } from './service-pki.ts';

const valueSchema = z.union([
  z.strictObject({ stringValue: z.string() }).transform(({ stringValue }) => stringValue),
  z.strictObject({ intValue: z.number() }).transform(({ intValue }) => intValue),
  z
    .strictObject({ arrayValue: z.strictObject({ values: z.array(z.strictObject({ stringValue: z.string() })) }) })
    .transform(({ arrayValue }) => arrayValue.values.map(({ stringValue }) => stringValue)),
]);
const attributesSchema = z
  .array(z.strictObject({ key: z.string(), value: valueSchema }))
  .transform((pairs) => Object.fromEntries(pairs.map(({ key, value }) => [key, value])));
const idSchema = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`));
const timeSchema = z.string().regex(/^[0-9]{19}$/);

const spanSchema = z.object({
  traceId: idSchema(16),
  spanId: idSchema(8),
  parentSpanId: idSchema(8).nullable().default(null),
  name: z.string(),
  kind: z.int().min(1).max(5),
  startTimeUnixNano: timeSchema,
  endTimeUnixNano: timeSchema,
  attributes: attributesSchema,
  links: z.array(z.object({ traceId: idSchema(16), spanId: idSchema(8) })).default([]),
  status: z.object({ code: z.int().default(0), message: z.string().optional() }).prefault({}),
});

// OTLP's ExportTraceServiceRequest in its JSON encoding.
const requestSchema = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: attributesSchema }),
      scopeSpans: z.array(z.object({ spans: z.array(spanSchema) })),
    }),
  ),
});

/** A span as it arrived, with the `service.name` of whoever sent it. */
export type CollectedSpan = z.output<typeof spanSchema> & { readonly service: unknown };

/** A collector of traces: OTLP over HTTP in JSON, read strictly, everything kept. */
export interface LabCollector extends AsyncDisposable {
  /** Of its traces. */
  readonly endpoint: string;
  readonly spans: CollectedSpan[];
  /** Each request's body, as text. */
  readonly bodies: string[];
  /** Each request's headers. */
  readonly headers: IncomingMessage['headers'][];
  /** What the next requests are answered; 200 unless said. 'hang': they are not answered at all. */
  answer: number | 'hang';
  /** Resolves when a span of this name is there. */
  readonly span: (name: string) => Promise<CollectedSpan>;
}

/** Starts a collector on loopback: plain HTTP, or TLS with the identity given. */
export async function startCollector(tls?: { readonly cert: string; readonly key: string }): Promise<LabCollector> {
  const spans: CollectedSpan[] = [];
  const bodies: string[] = [];
  const headers: IncomingMessage['headers'][] = [];
  const waiting = new Set<() => void>();
  let answer: number | 'hang' = 200;
  const take: RequestListener = (request, response) => {
    void text(request).then((body) => {
      headers.push(request.headers);
      if (answer === 'hang') return;
      if (answer === 200) {
        bodies.push(body);
        spans.push(...spansIn(body));
        for (const look of waiting) look();
      }
      response.writeHead(answer, { 'content-type': 'application/json' }).end('{}');
    });
  };
  const server = tls === undefined ? createServer(take) : createTlsServer(tls, take);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP listener has an address');
  return {
    endpoint: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${address.port}/v1/traces`,
    spans,
    bodies,
    headers,
    get answer() {
      return answer;
    },
    set answer(next) {
      answer = next;
    },
    span: (name) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = spans.find((span) => span.name === name);
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function spansIn(body: string): CollectedSpan[] {
  const { resourceSpans } = requestSchema.parse(JSON.parse(body));
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans
      .flatMap((scope) => scope.spans)
      .map((span) => ({ ...span, service: resource.attributes['service.name'] })),
  );
}

/** A collector over TLS, and the CA (PEM) that its certificate chains to. */
export async function startTlsCollector(): Promise<LabCollector & { readonly ca: string }> {
  const { management } = await labNodeCa();
  const { certificatePem: cert, keyPem: key } = await labServerIdentity(management);
  return Object.assign(await startCollector({ cert, key }), { ca: certificatePem(management.certificate) });
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) if (chunk instanceof Buffer) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
