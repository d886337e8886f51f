import type { Registry } from 'prom-client';

import { startPlainListener } from '#services/http/plain-listener.ts';

export interface ObserverOptions {
  readonly host: string;
  readonly port: number;
  readonly registry: Pick<Registry, 'metrics' | 'contentType'>;
  /** False: nodes are denied for want of a snapshot that counts. */
  readonly isReady: () => boolean;
  readonly onFault: (error: unknown) => void;
}

export interface Observer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
}

interface Page {
  readonly status: number;
  readonly text: string;
  readonly type?: string;
}

/**
 * Health and metrics over plain HTTP, for the host itself: counts and times, nothing of any node. `/livez` says that the process runs and
 * never depends on anything else, for a restart cures nothing else.
 */
export async function startObserver({ host, port, onFault, ...sources }: ObserverOptions): Promise<Observer> {
  return startPlainListener({ host, port }, (request, response) => {
    const send = ({ status, text, type = 'text/plain; charset=utf-8' }: Page): void => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(text);
    };
    const page = request.method === 'GET' ? pageOf(sources, request.url ?? '') : { status: 405, text: 'GET only\n' };
    Promise.resolve(page).then(send, (error: unknown) => {
      onFault(error);
      send({ status: 500, text: 'fault\n' });
    });
  });
}

function pageOf(
  { registry, isReady }: Pick<ObserverOptions, 'registry' | 'isReady'>,
  url: string,
): Page | Promise<Page> {
  switch (url.split('?', 1)[0] ?? '') {
    case '/livez':
      return { status: 200, text: 'ok\n' };
    case '/readyz':
      if (isReady()) return { status: 200, text: 'ok\n' };
      return { status: 503, text: 'no snapshot that counts: nodes are denied\n' };
    case '/metrics':
      return registry.metrics().then((text) => ({ status: 200, text, type: registry.contentType }));
    default:
      return { status: 404, text: 'not found\n' };
  }
}
