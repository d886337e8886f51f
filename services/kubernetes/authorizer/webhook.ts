import type { X509Certificate } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { TLSSocket } from 'node:tls';

import type { Clock } from '#core/clock.ts';
import { JsonFormatError } from '#core/strict-json.ts';

import { type AuthorizerDecision, DENIALS } from '../authorize.ts';
import {
  parseSubjectAccessReview,
  type SubjectAccessReview,
  SubjectAccessReviewFormatError,
} from '../subject-access-review.ts';

export interface WebhookDeps {
  readonly decide: (review: SubjectAccessReview) => AuthorizerDecision;
  /** CN of the API server's client certificate. */
  readonly clientName: string;
  readonly now: Clock;
  readonly onDecision: (decision: AuthorizerDecision, seconds: number) => void;
  readonly onRefusal: (status: RefusedStatus) => void;
  readonly onFault: (error: unknown) => void;
}

/** Any but 200 is a failure for the API server, and its `failurePolicy: Deny` denies. */
export const REFUSED_STATUSES = ['400', '403', '404', '405', '413', '500'] as const;
export type RefusedStatus = (typeof REFUSED_STATUSES)[number];

const PATH = '/v1/authorize';
/** A review is under a kilobyte; selectors can make it grow. */
const BODY_MAX_BYTES = 262_144;

// The API server's decoder needs apiVersion and kind. There are as many answers as decisions, so each is made once; `allowed` is false in all.
const answer = (status: object): Buffer =>
  Buffer.from(JSON.stringify({ apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', status }));
const NO_OPINION = answer({ allowed: false });
const DENIED = new Map(
  DENIALS.map((denial) => [denial, answer({ allowed: false, denied: true, reason: `muster: ${denial}` })]),
);

/** Answers SubjectAccessReviews at `/v1/authorize`, to the API server alone. */
export function createWebhook(deps: WebhookDeps): RequestListener {
  const isApiServer = clientCheck(deps);
  return (request, response) => {
    const startedMs = performance.now();
    const refuse = (status: RefusedStatus): void => {
      deps.onRefusal(status);
      // Whatever is left of the request is not read.
      response.writeHead(Number(status), { 'content-length': 0, connection: 'close' }).end();
    };
    // The API server's client adds its timeout as a query.
    if (request.url?.split('?', 1)[0] !== PATH) refuse('404');
    else if (request.method !== 'POST') refuse('405');
    else if (!isApiServer(request.socket)) refuse('403');
    else readBody(request, (body) => answerReview(deps, { body, response, refuse, startedMs }), refuse);
  };
}

function answerReview(
  deps: WebhookDeps,
  exchange: {
    readonly body: Buffer;
    readonly response: ServerResponse;
    readonly refuse: (status: RefusedStatus) => void;
    readonly startedMs: number;
  },
): void {
  const { body, response, refuse, startedMs } = exchange;
  try {
    const decision = deps.decide(parseSubjectAccessReview(body));
    const bytes = decision.kind === 'denied' ? DENIED.get(decision.denial) : NO_OPINION;
    if (bytes === undefined) throw new Error('every denial has its answer');
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': bytes.byteLength }).end(bytes);
    deps.onDecision(decision, (performance.now() - startedMs) / 1_000);
  } catch (error) {
    if (error instanceof JsonFormatError || error instanceof SubjectAccessReviewFormatError) {
      refuse('400');
      return;
    }
    deps.onFault(error);
    refuse('500');
  }
}

/** What a connection's certificate establishes is worked out once; that it is within its time, at every request. */
function clientCheck({ clientName, now }: WebhookDeps): (socket: Socket) => boolean {
  const certificates = new WeakMap<Socket, { readonly from: number; readonly to: number }>();
  return (socket) => {
    let validity = certificates.get(socket);
    if (validity === undefined) {
      if (!(socket instanceof TLSSocket) || !socket.authorized) return false;
      const certificate = socket.getPeerX509Certificate();
      if (certificate === undefined || nameOf(certificate) !== clientName) return false;
      validity = { from: certificate.validFromDate.getTime(), to: certificate.validToDate.getTime() };
      certificates.set(socket, validity);
    }
    const time = now().getTime();
    return time >= validity.from && time <= validity.to;
  };
}

/** A subject with two names is a list here, and no name. */
function nameOf(certificate: X509Certificate): unknown {
  return certificate.toLegacyObject().subject.CN;
}

function readBody(
  request: IncomingMessage,
  take: (body: Buffer) => void,
  refuse: (status: RefusedStatus) => void,
): void {
  const chunks: Buffer[] = [];
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.byteLength;
    if (size > BODY_MAX_BYTES) {
      request.removeAllListeners('data').removeAllListeners('end').resume();
      refuse('413');
    } else chunks.push(chunk);
  });
  request.on('end', () => {
    take(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks));
  });
}
