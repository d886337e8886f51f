import { once } from 'node:events';
import { type IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { TLSSocket } from 'node:tls';

import { equalBytes } from '#core/bytes.ts';
import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { X509Certificate } from 'node:crypto';

import type { ServerConfig } from '#services/config/config.ts';
import { readCertificates } from '../../read-certificates.ts';

/** What the running service tells agents. */
export interface ServedBundle {
  readonly fingerprints: ReadonlySet<string>;
  /** Since when it has exactly these CAs, each in its place. */
  readonly since: Date;
  /** Key id of the CA that signs. */
  readonly signing: string;
}

const TIMEOUT_MS = 10_000;
const MAX_BYTES = 262_144;
const ANY: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
const PEM_BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\r\n]+-----END CERTIFICATE-----/g;

/** The bundle as the service on this machine serves it now. Throws CommandFailure where there is no answer, or another's. */
export async function readServedBundle({ listeners: { node } }: ServerConfig): Promise<ServedBundle> {
  const { ders } = await readCertificates(node.certificate);
  const host = ANY[node.host] ?? node.host;
  try {
    const outgoing = request({
      host,
      port: node.port,
      path: '/v1/ca-bundle',
      // Not the name but the very certificate in our own file is asked for, below.
      rejectUnauthorized: false,
      minVersion: 'TLSv1.3',
      agent: false,
      timeout: TIMEOUT_MS,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    outgoing.end();
    const [answer]: IncomingMessage[] = await once(outgoing, 'response');
    if (answer === undefined) throw new Error('no answer');
    const shown = answer.socket instanceof TLSSocket ? answer.socket.getPeerX509Certificate() : undefined;
    if (shown === undefined || ders[0] === undefined || !equalBytes(shown.raw, ders[0])) {
      throw new Error('it shows another certificate than the one that is configured');
    }
    return await readAnswer(answer);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(
      EXIT.unavailable,
      `the service at ${host} port ${node.port} does not say which CAs it has told agents of: ${why}`,
      'Start it, or give --now where you know that it does not matter.',
    );
  }
}

async function readAnswer(answer: IncomingMessage): Promise<ServedBundle> {
  let text = '';
  for await (const chunk of answer.setEncoding('latin1')) {
    text += String(chunk);
    if (text.length > MAX_BYTES) throw new Error('its answer is too long');
  }
  const since = new Date(answer.headers['last-modified'] ?? '');
  const signing = answer.headers['muster-signing-ca'];
  if (answer.statusCode !== 200 || Number.isNaN(since.getTime()) || typeof signing !== 'string') {
    throw new Error(`it answers with ${answer.statusCode}, and no bundle`);
  }
  const blocks = text.match(PEM_BLOCK) ?? [];
  return { fingerprints: new Set(blocks.map((pem) => new X509Certificate(pem).fingerprint256)), since, signing };
}
