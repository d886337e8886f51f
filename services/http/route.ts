import { parse as parseQuery } from 'node:querystring';

import { z } from 'zod';

import type { RequestId } from '#core/ids.ts';
import type { ProblemName } from '#protocol/problem.ts';

import type { AnswerStream } from './answer-stream.ts';
import { malformed } from './body.ts';
import type { Origin } from './origin.ts';
import type { Principal } from './principal.ts';
import type { ProblemDetails } from './problem-error.ts';
import type { Permission } from './roles.ts';
import { fieldErrors } from './schema-errors.ts';

/** What a handler may answer: a document, a stream, or a problem from the one table. */
export type Answer =
  | {
      readonly status: 200 | 201 | 202;
      readonly body: unknown;
      /** The node that it is about, for the log. */
      readonly node?: string | undefined;
    }
  | { readonly status: 200; readonly stream: AnswerStream }
  | ({ readonly problem: ProblemName } & ProblemDetails);

/** Nobody in particular: what the node listener knows of its caller before a join has proved something. */
export type Anonymous = 'anonymous';

/** One request, every part of it checked against the route's schemas. */
export interface CheckedRequest<Caller, Params, Query, Body> {
  readonly caller: Caller;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly requestId: RequestId;
  /** Undefined where the socket's address is one that no segment can contain. */
  readonly origin: Origin | undefined;
  /** A header by its name in lower case, of those that come once. The caller's text. */
  readonly header: (name: string) => string | undefined;
}

/** One request before anything in it was looked at. */
export interface UncheckedRequest<Caller> {
  readonly caller: Caller;
  readonly params: Readonly<Record<string, unknown>>;
  readonly queryString: string;
  readonly requestId: RequestId;
  readonly origin: Origin | undefined;
  /** Reads the body, `limitBytes` at most. */
  readonly readBody: (limitBytes: number) => Promise<unknown>;
  readonly hasBody: boolean;
  /** Asked when every part has been checked, and before anything is done: an answer that it gives is the route's. */
  readonly beforeHandling?: ((checked: { readonly body: unknown }) => Promise<Answer | undefined>) | undefined;
  readonly header: (name: string) => string | undefined;
}

/** What a route is, for the dispatcher and for the API's description. */
export interface RouteFacts {
  readonly method: 'GET' | 'POST';
  /** Parameters in braces, as OpenAPI writes them. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  /** Every answer that is not a problem. */
  readonly answers: Readonly<
    Record<
      number,
      {
        readonly description: string;
        readonly schema: z.ZodType | undefined;
        /** `application/json` unless said. */
        readonly contentType?: string;
      }
    >
  >;
  /** Whether its documents carry an entity tag, and a caller who has the current one is told so (304). */
  readonly revalidated?: boolean;
  /** The problems of this route's own decisions, besides those that any route may answer. */
  readonly problems: readonly ProblemName[];
}

interface RouteInput<Params, Query, Body> {
  readonly params: z.ZodType<Params>;
  readonly query: z.ZodType<Query>;
  readonly body: BodyInput<Body>;
}

interface BodyInput<Body> {
  readonly schema: z.ZodType<Body>;
  /** 0: the route takes no body. A function where it depends on who calls; it is asked before anything is read. */
  readonly limitBytes: number | ((origin: Origin | undefined) => number);
}

/** No path parameters, or no query string. */
export const nothing = z.strictObject({});
/** No body. */
export const noBody: BodyInput<undefined> = { schema: z.undefined(), limitBytes: 0 };

/** A route, ready to run. */
export interface Route<Caller> extends RouteFacts {
  /** Undefined on the node listener only. */
  readonly permission: Permission | undefined;
  readonly schemas: { readonly params: z.ZodType; readonly query: z.ZodType; readonly body: z.ZodType | undefined };
  readonly run: (request: UncheckedRequest<Caller>) => Promise<Answer>;
}

type Definition<Caller, Params, Query, Body> = RouteFacts &
  RouteInput<Params, Query, Body> & {
    readonly handle: (request: CheckedRequest<Caller, Params, Query, Body>) => Promise<Answer>;
  };

/** A route of the node listener: whoever reaches it may call. */
export function nodeRoute<Params, Query, Body>(
  definition: Definition<Anonymous, Params, Query, Body>,
): Route<Anonymous> {
  return { ...definition, permission: undefined, ...runner(definition) };
}

/** A route of the admin listener. There is none without a permission. */
export function adminRoute<Params, Query, Body>(
  definition: Definition<Principal, Params, Query, Body> & { readonly permission: Permission },
): Route<Principal> {
  return { ...definition, ...runner(definition) };
}

/** A route of the node listener for those who show a node's certificate. Whether it is good is for the route to say. */
export function nodeCertificateRoute<Caller, Params, Query, Body>(
  definition: Definition<Caller, Params, Query, Body>,
): Route<Caller> {
  return { ...definition, permission: undefined, ...runner(definition) };
}

function runner<Caller, Params, Query, Body>(
  definition: Definition<Caller, Params, Query, Body>,
): Pick<Route<Caller>, 'schemas' | 'run'> {
  const { params, query, body, handle } = definition;
  return {
    schemas: { params, query, body: body.limitBytes === 0 ? undefined : body.schema },
    run: async (request) => {
      const { caller, requestId, origin, header } = request;
      const checked = {
        caller,
        requestId,
        origin,
        header,
        params: check(params, { ...request.params }),
        query: check(query, { ...parseQuery(request.queryString) }),
        body: check(body.schema, await readBodyOf(request, body.limitBytes)),
      };
      return (await request.beforeHandling?.(checked)) ?? handle(checked);
    },
  };
}

async function readBodyOf(
  request: UncheckedRequest<unknown>,
  limit: BodyInput<unknown>['limitBytes'],
): Promise<unknown> {
  const limitBytes = typeof limit === 'number' ? limit : limit(request.origin);
  if (limitBytes > 0) return request.readBody(limitBytes);
  if (request.hasBody) throw malformed([{ pointer: '', detail: 'no body is expected' }]);
  return undefined;
}

function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value, { reportInput: false });
  if (!parsed.success) throw malformed(fieldErrors(parsed.error));
  return parsed.data;
}
