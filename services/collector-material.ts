import { readPrivateFile } from '#pki/private-file.ts';
import { ConfigError } from '#services/config/strict-document.ts';
import type { TracingConfig } from '#services/config/tracing-config.ts';

import { readCertificates } from './read-certificates.ts';

/** What the service shows the collector of its traces, and knows it by. */
export interface CollectorMaterial {
  /** PEM. Undefined: plain HTTP on loopback. */
  readonly ca: string | undefined;
  /** Asked for each batch. Never rejects: a file that is unfit now leaves what it said last. */
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
}

const HEADERS_MAX_BYTES = 16_384;
// RFC 9110 §5.6.2 and §5.5: a token, and what may stand on a line.
const HEADER_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}):[ \t]*([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)[ \t]*$/;
/** Those that belong to the message itself. */
const RESERVED = /^(?:host|content-.*|transfer-encoding|connection|user-agent|traceparent|tracestate)$/i;

/** Reads what `config` names. Rejects with ConfigError or PrivateFileError. */
export async function readCollectorMaterial({ ca, headersFile }: TracingConfig): Promise<CollectorMaterial> {
  const pem = ca === undefined ? undefined : (await readCertificates(ca)).text;
  if (headersFile === undefined) return { ca: pem, headers: () => Promise.resolve({}) };
  let last = await readHeaders(headersFile);
  return {
    ca: pem,
    headers: async () => {
      last = await readHeaders(headersFile).catch(() => last);
      return last;
    },
  };
}

async function readHeaders(file: string): Promise<Readonly<Record<string, string>>> {
  const text = Buffer.from(await readPrivateFile(file, HEADERS_MAX_BYTES)).toString('latin1');
  const headers: Record<string, string> = {};
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line === '') continue;
    const [, name, value] = HEADER_LINE.exec(line) ?? [];
    // The line itself is not said: it may be a secret.
    if (name === undefined || value === undefined || RESERVED.test(name)) {
      throw new ConfigError(file, [`line ${index + 1}: not a header that may be set, as in \`Name: value\``]);
    }
    headers[name.toLowerCase()] = value;
  }
  return headers;
}
