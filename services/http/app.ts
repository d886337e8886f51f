import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

import express, { type Express, type NextFunction, type Request, type Response } from 'express';

import { newRequestId, type RequestId } from '#core/ids.ts';
import type { RandomSource } from '#core/random.ts';
import type { ProblemName } from '#protocol/problem.ts';

import { sendStream } from './answer-stream.ts';
import { type BodyAllowance, type BodyBudget } from './body-budget.ts';
import { hasBody, readJsonBody } from './body.ts';
import { type CallerOrigins, DIRECT } from './caller-origin.ts';
import type { Origin } from './origin.ts';
import { type Problem, problemOf, sendJson, sendProblem, sendRevalidated } from './problem-response.ts';
import { type Log, logRequest, type RequestFacts } from './request-log.ts';
import type { RequestTrace, TraceRequest } from './request-trace.ts';
import type { Permission } from './roles.ts';
import type { Answer, Route } from './route.ts';

/** Who is calling. Asked once per request, before the path is looked at. */
export interface Gate<Caller> {
  /** Undefined: nobody that this listener serves. */
  readonly identify: (socket: Socket) => Promise<Caller | undefined>;
  readonly permits: (caller: Caller, permission: Permission | undefined) => boolean;
  /** For the log; undefined for a caller without a name. */
  readonly nameOf: (caller: Caller) => string | undefined;
  /** Whether callers of this listener are authenticated, and so may be told details. */
  readonly authenticated: boolean;
  /** Resolves when it is on record that somebody was not let through. */
  readonly recordRefusal: (refusal: GateRefusal<Caller>) => Promise<void>;
}

/** A request that the gate did not let through to its route. */
export interface GateRefusal<Caller> {
  readonly problem: 'authentication-required' | 'permission-denied';
  readonly caller: Caller | undefined;
  readonly requestId: RequestId;
  readonly origin: Origin | undefined;
  readonly method: string;
  /** The caller's text, cut short. */
  readonly path: string;
}

export interface AppDeps<Caller> {
  readonly listener: string;
  readonly routes: readonly Route<Caller>[];
  readonly gate: Gate<Caller>;
  readonly log: Log;
  readonly random: RandomSource;
  /** Where callers are; by their sockets' own addresses unless it is given. */
  readonly origins?: Pick<CallerOrigins, 'of'> | undefined;
  /** Bounds the bodies that are held at the same time; without it each is bounded by its route alone. */
  readonly bodies?: Pick<BodyBudget, 'open'> | undefined;
  /** Told what the log is told of each request. */
  readonly onAnswered?: ((facts: RequestFacts) => void) | undefined;
  /** Begins the trace of a request that has found its route; without it none is recorded. */
  readonly traceRequest?: TraceRequest | undefined;
}

/** What is known of one request while it is answered. */
interface Exchange<Caller> {
  readonly requestId: RequestId;
  readonly origin: Origin | undefined;
  readonly startedMs: number;
  caller: Caller | undefined;
  route: string | undefined;
  problem: ProblemName | undefined;
  node: string | undefined;
  trace: RequestTrace | undefined;
}

/** Plain segments only: an encoded, doubled, dotted or non-ASCII path names nothing here, however some other layer would read it. */
const PLAIN_PATH = /^(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$/;

/** Characters of a path that a record keeps. */
const PATH_RECORDED = 256;

/** The application of one listener: identity, then route, then permission, then the request's parts, then the handler. */
export function createApp<Caller>(deps: AppDeps<Caller>): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.set('trust proxy', false);
  app.enable('case sensitive routing');
  app.enable('strict routing');

  const exchanges = new WeakMap<Request, Exchange<Caller>>();
  app.use(async (request, response, next) => {
    const exchange = beginExchange<Caller>(deps, request);
    exchanges.set(request, exchange);
    response.setHeader('Cache-Control', 'no-store');
    response.once('close', () => {
      const facts = factsOf(deps, request, response, exchange);
      exchange.trace?.answered(facts);
      logRequest(deps.log, facts);
      deps.onAnswered?.(facts);
    });
    exchange.caller = await deps.gate.identify(request.socket);
    if (exchange.caller === undefined) await turnAway(deps, request, response, exchange, 'authentication-required');
    else if (!PLAIN_PATH.test(pathOf(request))) answerProblem(deps, response, exchange, { problem: 'not-found' });
    else next();
  });
  for (const [path, routes] of byPath(deps.routes)) {
    app.all(path.replaceAll(/\{(\w+)\}/g, ':$1'), async (request, response) => {
      await dispatch(deps, routes, request, response, exchangeOf(exchanges, request));
    });
  }
  app.use((request, response) => {
    answerProblem(deps, response, exchangeOf(exchanges, request), { problem: 'not-found' });
  });
  // Express tells an error handler by its four parameters.
  app.use((error: unknown, request: Request, response: Response, _next: NextFunction) => {
    const exchange = exchangeOf(exchanges, request);
    const problem = problemOf(error);
    if (problem.problem === 'internal-error' || problem.problem === 'dependency-unavailable') {
      const { requestId, trace } = exchange;
      deps.log.error({ requestId, traceId: trace?.id, err: error }, 'request fault');
    }
    answerProblem(deps, response, exchange, problem);
  });
  return app;
}

async function dispatch<Caller>(
  deps: AppDeps<Caller>,
  routes: readonly Route<Caller>[],
  request: Request,
  response: Response,
  exchange: Exchange<Caller>,
): Promise<void> {
  const { caller } = exchange;
  const route = routes.find(({ method }) => method === request.method);
  exchange.route = routes[0]?.path;
  if (caller === undefined) throw new Error('no route is reached without a caller');
  if (route === undefined) {
    response.setHeader('Allow', routes.map(({ method }) => method).join(', '));
    answerProblem(deps, response, exchange, { problem: 'method-not-allowed' });
    return;
  }
  if (!deps.gate.permits(caller, route.permission)) {
    await turnAway(deps, request, response, exchange, 'permission-denied');
    return;
  }
  // Until the handler has settled, and not until the caller is gone: work that waits for its place keeps the body.
  using allowance = heldUntilDone(deps.bodies?.open(exchange.origin));
  const { requestId, origin } = exchange;
  const run = (): Promise<Answer> =>
    route.run({
      caller,
      params: request.params,
      queryString: queryOf(request),
      requestId,
      origin,
      hasBody: hasBody(request),
      header: (name) => headerOf(request, name),
      readBody: (limitBytes) => readJsonBody(request, limitBytes, allowance.take),
    });
  const traceparent = headerOf(request, 'traceparent');
  exchange.trace = deps.traceRequest?.({ requestId, method: route.method, route: route.path, traceparent });
  const answer = await (exchange.trace === undefined ? run() : exchange.trace.during(run));
  if ('node' in answer) exchange.node = answer.node;
  if ('problem' in answer) answerProblem(deps, response, exchange, answer);
  else if ('stream' in answer) await sendStream(response, answer.stream, () => isStillPermitted(deps, request, route));
  else if (route.revalidated === true) sendRevalidated(response, answer.body, headerOf(request, 'if-none-match'));
  else sendJson(response, answer.status, answer.body);
}

const heldUntilDone = (
  allowance: BodyAllowance | undefined,
): { take: BodyAllowance['take'] | undefined } & Disposable => ({
  take: allowance?.take,
  [Symbol.dispose]: () => allowance?.release(),
});

/** Whether the connection's certificate is still good, and its role still includes the route: asked while a stream goes on. */
async function isStillPermitted<Caller>(
  { gate }: AppDeps<Caller>,
  { socket }: Request,
  { permission }: Route<Caller>,
): Promise<boolean> {
  const caller = await gate.identify(socket);
  return caller !== undefined && gate.permits(caller, permission);
}

async function turnAway<Caller>(
  deps: AppDeps<Caller>,
  request: Request,
  response: Response,
  exchange: Exchange<Caller>,
  problem: GateRefusal<Caller>['problem'],
): Promise<void> {
  const { caller, requestId, origin } = exchange;
  const path = pathOf(request).slice(0, PATH_RECORDED);
  await deps.gate.recordRefusal({ problem, caller, requestId, origin, method: request.method, path });
  answerProblem(deps, response, exchange, { problem });
}

function answerProblem<Caller>(
  deps: AppDeps<Caller>,
  response: Response,
  exchange: Exchange<Caller>,
  problem: Problem,
): void {
  exchange.problem = problem.problem;
  const authenticated = deps.gate.authenticated && exchange.caller !== undefined;
  if (!response.headersSent) sendProblem(response, problem, { requestId: exchange.requestId, authenticated });
}

function beginExchange<Caller>({ random, origins = DIRECT }: AppDeps<Caller>, request: Request): Exchange<Caller> {
  return {
    requestId: newRequestId(random),
    origin: origins.of(request),
    startedMs: performance.now(),
    caller: undefined,
    route: undefined,
    problem: undefined,
    node: undefined,
    trace: undefined,
  };
}

function exchangeOf<Caller>(exchanges: WeakMap<Request, Exchange<Caller>>, request: Request): Exchange<Caller> {
  const exchange = exchanges.get(request);
  if (exchange === undefined) throw new Error('every request begins an exchange');
  return exchange;
}

function byPath<Caller>(routes: readonly Route<Caller>[]): Map<string, Route<Caller>[]> {
  return Map.groupBy(routes, ({ path }) => path);
}

const pathOf = (request: Request): string => request.url.split('?', 1)[0] ?? '';
const headerOf = ({ headers }: Request, name: string): string | undefined => {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
};
const queryOf = (request: Request): string => request.url.slice(pathOf(request).length + 1);

function factsOf<Caller>(deps: AppDeps<Caller>, request: Request, response: Response, exchange: Exchange<Caller>) {
  return {
    requestId: exchange.requestId,
    traceId: exchange.trace?.id,
    listener: deps.listener,
    method: request.method,
    route: exchange.route,
    status: response.statusCode,
    problem: exchange.problem,
    node: exchange.node,
    address: exchange.origin,
    caller: exchange.caller === undefined ? undefined : deps.gate.nameOf(exchange.caller),
    durationMs: Math.round((performance.now() - exchange.startedMs) * 1_000) / 1_000,
  };
}
