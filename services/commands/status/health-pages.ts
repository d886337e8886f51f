import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request as plainRequest, type RequestOptions } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { TLSSocket } from 'node:tls';

import { CommandFailure, EXIT } from '#core/exit-code.ts';

/** Where a service on this host tells its health. */
export interface HealthPlace {
  readonly host: string;
  readonly port: number;
  /** Whether `/healthz` is there, and lines with reasons. */
  readonly givesReasons: boolean;
  /** Set where the pages are behind TLS. */
  readonly tls?: {
    /** PEM: the caller's certificate and its private key. */
    readonly identity: string;
    /** PEM: the certificate that the listener is configured to show, first. */
    readonly shows: string;
  };
}

export interface Page {
  readonly status: number;
  readonly text: string;
}

/** Less than the patience of an orchestrator: no answer is said as such. */
const TIMEOUT_MS = 5_000;
const MAX_CHARACTERS = 65_536;
const ANY: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/** Where a listener that binds `host` is reached from its own host. */
export const onThisHost = (host: string): string => ANY[host] ?? host;

/** One page. Behind TLS the very certificate of the configuration must be shown. Throws CommandFailure where there is no answer, or another's. */
export async function askPage({ host, port, tls }: HealthPlace, path: string): Promise<Page> {
  const options: RequestOptions = { host, port, path, agent: false, signal: AbortSignal.timeout(TIMEOUT_MS) };
  try {
    const outgoing =
      tls === undefined
        ? plainRequest(options)
        : // Not a name but the very certificate in our own file is asked for, below, before anything of the answer is read.
          tlsRequest({
            ...options,
            rejectUnauthorized: false,
            minVersion: 'TLSv1.3',
            cert: tls.identity,
            key: tls.identity,
          });
    outgoing.end();
    const [answer]: IncomingMessage[] = await once(outgoing, 'response');
    if (answer === undefined) throw new Error('no answer');
    if (tls !== undefined) assertShows(answer, tls.shows);
    return { status: answer.statusCode ?? 0, text: await readText(answer) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(EXIT.unavailable, `no answer from the service at ${host} port ${port}: ${why}`);
  }
}

function assertShows({ socket }: IncomingMessage, pem: string): void {
  const shown = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  if (shown === undefined || !shown.raw.equals(new X509Certificate(pem).raw)) {
    throw new Error('it shows another certificate than the one that is configured');
  }
}

async function readText(answer: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) {
    text += String(chunk);
    if (text.length > MAX_CHARACTERS) throw new Error('its answer is too long');
  }
  return text;
}
