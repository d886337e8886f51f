import type { RequestListener } from 'node:http';

import type { Ailment } from './health.ts';
import { sendPage } from './signal-pages.ts';

/**
 * `/livez` and `/readyz` for whoever asks, as in `signalPages` but without a reason: a reason can name what the service depends on. Nothing else
 * is there, and no caller is told apart from another.
 */
export function probePages(whyNotReady: () => readonly Ailment[]): RequestListener {
  return ({ method, url = '' }, response) => {
    if (method !== 'GET' && method !== 'HEAD') return sendPage(response, { status: 405, text: 'GET only\n' });
    switch (url.split('?', 1)[0] ?? '') {
      case '/livez':
        return sendPage(response, { status: 200, text: 'ok\n' });
      case '/readyz':
        return sendPage(
          response,
          whyNotReady().length === 0 ? { status: 200, text: 'ok\n' } : { status: 503, text: 'not ready\n' },
        );
      default:
        return sendPage(response, { status: 404, text: 'not found\n' });
    }
  };
}
