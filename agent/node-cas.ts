import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';

import type { Clock } from '#core/clock.ts';
import type { RandomSource } from '#core/random.ts';
import { type Certificate, parseCertificate } from '#pki/x509/certificate.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import { encodePem, parsePemOf } from '#pki/x509/pem.ts';

import { makePrivateDirectory, replaceFile } from './atomic-file.ts';
import { openAgent } from './connection.ts';
import { followRoots } from './follow-roots.ts';

export interface NodeCasOptions {
  readonly services: readonly URL[];
  /** PEM of the only CAs that are trusted for the service's own certificate. */
  readonly serviceCa: string;
  readonly credentialDirectory: string;
}

export interface NodeCasDeps {
  readonly now: Clock;
  readonly random: RandomSource;
  readonly progress: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

const TIMEOUT_MS = 5_000;
const MAX_BYTES = 131_072;
const MAX_CERTIFICATES = 32;

/** The agent's own copy of the node roots that it trusts. */
export const nodeCasFile = (directory: string): string => join(directory, 'node-cas.pem');

/**
 * The roots that node certificates must chain to, where no file pins them: those of the agent's copy, brought up to date from the service as
 * `followRoots` says. Undefined where there is no copy, and the service names none. A service that does not answer changes nothing; nor does an answer
 * that is no bundle. Throws what the file system throws.
 */
export async function followNodeCas(
  options: NodeCasOptions,
  deps: NodeCasDeps,
): Promise<readonly Certificate[] | undefined> {
  const file = nodeCasFile(options.credentialDirectory);
  const trusted = (await readCopy(file)) ?? [];
  const offered = await fetchBundle(options, deps.signal);
  if (offered === undefined) return trusted.length === 0 ? undefined : trusted;
  const followed = followRoots(trusted, offered, deps.now());
  if (followed === trusted) {
    if (trusted.length === 0) return undefined;
    deps.progress(`The service names no node root that one in ${file} has signed; the agent keeps to those it knows.`);
    return trusted;
  }
  if (followed.length === 0) return undefined;
  const text = render(followed);
  if (text !== render(trusted)) {
    await makePrivateDirectory(options.credentialDirectory, {});
    await replaceFile(file, text, deps);
    if (trusted.length > 0) deps.progress(`The node roots in ${file} are others than before; the agent follows them.`);
  }
  return followed;
}

const render = (certificates: readonly Certificate[]): string =>
  certificates.map(({ der }) => encodePem('CERTIFICATE', der)).join('');

/** A copy that cannot be read as one counts for none: it is the agent's own, written whole. */
async function readCopy(file: string): Promise<readonly Certificate[] | undefined> {
  try {
    return parse(await readFile(file, 'utf8'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function parse(text: string): readonly Certificate[] | undefined {
  try {
    return parsePemOf('CERTIFICATE', text, MAX_CERTIFICATES).map((der) => parseCertificate(der));
  } catch (error) {
    if (error instanceof X509FormatError) return undefined;
    throw error;
  }
}

/** What the first service that answers names; undefined where none does, or the answer is not a bundle. */
async function fetchBundle(
  { services, serviceCa }: NodeCasOptions,
  signal: AbortSignal | undefined,
): Promise<readonly Certificate[] | undefined> {
  const agent = openAgent(serviceCa);
  try {
    for (const service of services) {
      const text = await getText(new URL('/v1/ca-bundle', service), { agent, signal }).catch(() => undefined);
      if (text !== undefined) return parse(text);
    }
    return undefined;
  } finally {
    agent.destroy();
  }
}

async function getText(
  url: URL,
  { agent, signal }: { readonly agent: ReturnType<typeof openAgent>; readonly signal: AbortSignal | undefined },
): Promise<string | undefined> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const outgoing = request(url, { agent, signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]) });
  outgoing.end();
  const [answer]: IncomingMessage[] = await once(outgoing, 'response');
  if (answer === undefined) return undefined;
  let text = '';
  for await (const chunk of answer.setEncoding('latin1')) {
    text += String(chunk);
    if (text.length > MAX_BYTES) throw new RangeError(`more than ${MAX_BYTES} bytes`);
  }
  return answer.statusCode === 200 ? text : undefined;
}
