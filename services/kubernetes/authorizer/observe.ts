import { startPlainListener } from '#services/http/plain-listener.ts';

import { type Metric, renderMetrics } from './metrics.ts';

export interface ObserverOptions {
  readonly host: string;
  readonly port: number;
  readonly metrics: readonly Metric[];
  /** False: nodes are denied for want of a snapshot that counts. */
  readonly isReady: () => boolean;
}

export interface Observer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
}

/**
 * Health and metrics over plain HTTP, for the host itself: counts and times, nothing of any node. `/livez` says that the process runs and
 * never depends on anything else, for a restart cures nothing else.
 */
export async function startObserver({ host, port, metrics, isReady }: ObserverOptions): Promise<Observer> {
  return startPlainListener({ host, port }, (request, response) => {
    const [status, text] = request.method === 'GET' ? pageOf(request.url ?? '') : [405, 'GET only\n'];
    response.writeHead(status, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text);
  });

  function pageOf(url: string): readonly [number, string] {
    switch (url.split('?', 1)[0] ?? '') {
      case '/livez':
        return [200, 'ok\n'];
      case '/readyz':
        return isReady() ? [200, 'ok\n'] : [503, 'no snapshot that counts: nodes are denied\n'];
      case '/metrics':
        return [200, renderMetrics(metrics)];
      default:
        return [404, 'not found\n'];
    }
  }
}
