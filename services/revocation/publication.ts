import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { performance } from 'node:perf_hooks';

import { type Bytes, utf8 } from '#core/bytes.ts';
import { newRequestId } from '#core/ids.ts';
import type { RandomSource } from '#core/random.ts';
import { OCSP_REQUEST_MAX_BYTES } from '#pki/ocsp-request.ts';
import { readBody } from '#services/http/body.ts';
import { entityTag, hasCurrent } from '#services/http/entity-tag.ts';
import type { Origin } from '#services/http/origin.ts';
import { ProblemError } from '#services/http/problem-error.ts';
import { type Problem, problemOf, sendProblem } from '#services/http/problem-response.ts';
import { type Log, logRequest } from '#services/http/request-log.ts';

import type { CrlPublisher } from './crl-publisher.ts';

export interface PublicationDeps {
  /** The first is the issuer in use. */
  readonly publishers: readonly Pick<CrlPublisher, 'issuerKeyId' | 'current'>[];
  readonly answerOcsp: (request: Bytes) => Promise<Bytes>;
  /** Undefined: none is served. */
  readonly caBundle?: CaBundle | undefined;
  readonly originOf: (request: IncomingMessage) => Origin | undefined;
  readonly log: Log;
  readonly random: RandomSource;
}

/** The node CAs that count, in PEM. */
export interface CaBundle {
  readonly pem: string;
  /** Since when the service has these and no others. */
  readonly since: Date;
  /** Key id of the one that signs. */
  readonly signing: string;
}

/** Seconds that a cache may give a list or an answer out without asking. */
const CACHED_SECONDS = 30;
/** A refusal (RFC 6960 §4.2.1) is five bytes and signed by nobody. */
const UNSIGNED_BYTES = 5;

const CRL = '/v1/crl';
const CRLS = '/v1/crls/';
const CA_BUNDLE = '/v1/ca-bundle';
const OCSP = '/v1/ocsp';
/** RFC 6960 Appendix A.1: base64, of which `/`, `+` and `=` may be escaped. */
const OCSP_GET = /^\/v1\/ocsp\/((?:[A-Za-z0-9+/=]|%2[BbFf]|%3[Dd]){4,12288})$/;

interface Published {
  readonly bytes: Bytes;
  readonly type: string;
  readonly headers: Readonly<Record<string, string>>;
}

type Outcome = Published | 'not-modified' | Problem;

/**
 * Serves revocation lists, OCSP answers and the bundle of CAs to whoever asks, and passes every other request to `next`. None of them is of this
 * API: they are what RFC 5280, RFC 6960 and RFC 7468 say, for programs that know nothing of Muster.
 */
export function publication(deps: PublicationDeps, next: RequestListener): RequestListener {
  return (request, response) => {
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    const route = routeOf(path);
    if (route === undefined) {
      next(request, response);
      return;
    }
    void serve(deps, request, response, { path, route });
  };
}

interface Asked {
  readonly path: string;
  /** For the log. */
  readonly route: string;
}

function routeOf(path: string): string | undefined {
  if (path === CRL || path === OCSP || path === CA_BUNDLE) return path;
  if (path.startsWith(CRLS)) return `${CRLS}{issuerKeyId}`;
  return path.startsWith(`${OCSP}/`) ? `${OCSP}/{request}` : undefined;
}

async function serve(
  deps: PublicationDeps,
  request: IncomingMessage,
  response: ServerResponse,
  asked: Asked,
): Promise<void> {
  const requestId = newRequestId(deps.random);
  const startedMs = performance.now();
  let problem: Problem['problem'] | undefined;
  response.once('close', () => {
    logRequest(deps.log, {
      requestId,
      listener: 'node',
      method: request.method ?? '',
      route: asked.route,
      status: response.statusCode,
      problem,
      address: deps.originOf(request),
      caller: undefined,
      durationMs: Math.round((performance.now() - startedMs) * 1_000) / 1_000,
    });
  });
  response.setHeader('Cache-Control', 'no-store');
  try {
    const outcome = await answer(deps, request, asked.path);
    if (outcome === 'not-modified') response.writeHead(304).end();
    else if ('bytes' in outcome) send(response, outcome, request.method === 'HEAD');
    else {
      problem = outcome.problem;
      if (problem === 'method-not-allowed') response.setHeader('Allow', asked.path === OCSP ? 'POST' : 'GET, HEAD');
      sendProblem(response, outcome, { requestId, authenticated: false });
    }
  } catch (error) {
    const found = problemOf(error);
    ({ problem } = found);
    if (problem === 'internal-error') deps.log.error({ requestId, err: error }, 'request fault');
    if (!response.headersSent) sendProblem(response, found, { requestId, authenticated: false });
  }
}

async function answer(deps: PublicationDeps, request: IncomingMessage, path: string): Promise<Outcome> {
  if (path === OCSP) return postedOcsp(deps, request);
  if (request.method !== 'GET' && request.method !== 'HEAD') return { problem: 'method-not-allowed' };
  if (path === CA_BUNDLE) return bundleOutcome(deps.caBundle, request);
  if (path.startsWith(`${OCSP}/`)) return askedOcsp(deps, path);
  const publisher =
    path === CRL
      ? deps.publishers[0]
      : deps.publishers.find(({ issuerKeyId }) => issuerKeyId === path.slice(CRLS.length));
  if (publisher === undefined) return { problem: 'not-found' };
  const list = publisher.current();
  if (list === undefined) return { problem: 'dependency-unavailable', retryAfterSeconds: 1 };
  const tag = `"${list.number}"`;
  if (hasCurrent(request.headers['if-none-match'], tag)) return 'not-modified';
  const headers = { ETag: tag, 'Last-Modified': list.thisUpdate.toUTCString(), 'Cache-Control': CACHED };
  return { bytes: list.der, type: 'application/pkix-crl', headers };
}

function bundleOutcome(bundle: CaBundle | undefined, request: IncomingMessage): Outcome {
  if (bundle === undefined) return { problem: 'not-found' };
  const tag = entityTag(bundle.pem);
  if (hasCurrent(request.headers['if-none-match'], tag)) return 'not-modified';
  const headers = {
    ETag: tag,
    'Last-Modified': bundle.since.toUTCString(),
    'Cache-Control': CACHED,
    // For `muster ca retire`, which must know what the running service does.
    'Muster-Signing-Ca': bundle.signing,
  };
  // RFC 8555 §9.1
  return { bytes: utf8(bundle.pem), type: 'application/pem-certificate-chain', headers };
}

const CACHED = `public, max-age=${CACHED_SECONDS}, must-revalidate`;
const OCSP_ANSWER = 'application/ocsp-response';

async function postedOcsp({ answerOcsp }: PublicationDeps, request: IncomingMessage): Promise<Outcome> {
  if (request.method !== 'POST') return { problem: 'method-not-allowed' };
  if (request.headers['content-encoding'] !== undefined || request.headers['content-type'] !== OCSP_REQUEST) {
    throw new ProblemError('unsupported-media-type');
  }
  return { bytes: await answerOcsp(await readBody(request, OCSP_REQUEST_MAX_BYTES)), type: OCSP_ANSWER, headers: {} };
}

const OCSP_REQUEST = 'application/ocsp-request';

async function askedOcsp({ answerOcsp }: PublicationDeps, path: string): Promise<Outcome> {
  const escaped = OCSP_GET.exec(path)?.[1];
  if (escaped === undefined) return { problem: 'malformed-request' };
  const bytes = await answerOcsp(Buffer.from(decodeURIComponent(escaped), 'base64'));
  const headers: Published['headers'] = bytes.byteLength > UNSIGNED_BYTES ? { 'Cache-Control': CACHED } : {};
  return { bytes, type: OCSP_ANSWER, headers };
}

function send(response: ServerResponse, { bytes, type, headers }: Published, headOnly: boolean): void {
  response.writeHead(200, { 'Content-Type': type, 'Content-Length': bytes.byteLength, ...headers });
  if (headOnly) response.end();
  else response.end(bytes);
}
