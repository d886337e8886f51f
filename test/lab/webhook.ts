import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:https';

import type { TlsIdentity } from './service-pki.ts';

export interface WebhookRequest {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** How the next requests are answered; undefined: not at all. */
export type WebhookAnswer =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  | undefined;

/** A webhook over TLS that keeps what it was sent. */
export interface Webhook extends AsyncDisposable {
  readonly url: string;
  readonly requests: WebhookRequest[];
  /** Connections that were taken. */
  readonly connections: () => number;
  answer: WebhookAnswer;
}

export async function startWebhook({
  identity,
  clientCa,
}: {
  readonly identity: TlsIdentity;
  readonly clientCa?: string;
}): Promise<Webhook> {
  const requests: WebhookRequest[] = [];
  let connections = 0;
  const server = createServer({
    cert: identity.certificatePem,
    key: identity.keyPem,
    ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
  });
  server.on('secureConnection', () => {
    connections += 1;
  });
  server.on('request', (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method, url: path, headers } = request;
      requests.push({ method, path, headers, body: Buffer.concat(chunks).toString('utf8') });
      const { answer } = webhook;
      if (answer !== undefined) response.writeHead(answer.status, answer.headers).end(answer.body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a port');
  const webhook: Webhook = {
    url: `https://127.0.0.1:${address.port}`,
    requests,
    connections: () => connections,
    answer: { status: 204 },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return webhook;
}
