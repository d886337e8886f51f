import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import type { Ailment } from './health.ts';

export interface SignalPagesDeps {
  /** Whether whoever is on this connection may read the pages. Asked for each request, before its path is looked at. */
  readonly mayRead: (socket: Socket, request: Pick<IncomingMessage, 'method' | 'url'>) => Promise<boolean>;
  readonly metrics: () => Promise<string>;
  readonly metricsType: string;
  readonly whyNotReady: () => readonly Ailment[];
  readonly ailments: () => readonly Ailment[];
  readonly onFault: (error: unknown) => void;
}

/** An answer in plain text. */
export interface Page {
  readonly status: number;
  readonly text: string;
  readonly type?: string;
}

/**
 * `/metrics`, and health: `/livez` says that the process answers and never depends on anything else, for a restart cures nothing else;
 * `/readyz` whether callers may be sent here; `/healthz` everything that is not as it should be, one line each.
 */
export function signalPages(deps: SignalPagesDeps): RequestListener {
  return (request, response) => {
    void answer(deps, request).then(
      (page) => sendPage(response, page),
      (error: unknown) => {
        deps.onFault(error);
        sendPage(response, { status: 500, text: 'fault\n' });
      },
    );
  };
}

async function answer(deps: SignalPagesDeps, request: IncomingMessage): Promise<Page> {
  if (!(await deps.mayRead(request.socket, request))) return { status: 403, text: 'not permitted\n' };
  if (request.method !== 'GET' && request.method !== 'HEAD') return { status: 405, text: 'GET only\n' };
  switch ((request.url ?? '').split('?', 1)[0] ?? '') {
    case '/livez':
      return { status: 200, text: 'ok\n' };
    case '/readyz':
      return healthPage(deps.whyNotReady());
    case '/healthz':
      return healthPage(deps.ailments());
    case '/metrics':
      return { status: 200, text: await deps.metrics(), type: deps.metricsType };
    default:
      return { status: 404, text: 'not found\n' };
  }
}

function healthPage(ailments: readonly Ailment[]): Page {
  if (ailments.length === 0) return { status: 200, text: 'ok\n' };
  return { status: 503, text: ailments.map(({ part, reason }) => `${part}: ${reason}\n`).join('') };
}

/** Sends it; to HEAD without the text. */
export function sendPage(response: ServerResponse, { status, text, type = 'text/plain; charset=utf-8' }: Page): void {
  const bytes = Buffer.from(text, 'utf8');
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': bytes.byteLength, 'Cache-Control': 'no-store' });
  response.end(response.req.method === 'HEAD' ? undefined : bytes);
}
