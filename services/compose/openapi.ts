import { z } from 'zod';

import { problemDocument, type ProblemName, PROBLEMS } from '#protocol/problem.ts';
import { adminRoute, noBody, nothing, type Route, type RouteFacts } from '#services/http/route.ts';
import type { Principal } from '#services/http/principal.ts';

import { type Json, OpenApiSchemas } from './openapi-schemas.ts';

/** What the document says of a route, whichever listener it is on. */
type DescribedRoute = RouteFacts & Pick<Route<unknown>, 'permission' | 'schemas'>;

/** Problems that any route may answer with. */
const ALWAYS: readonly ProblemName[] = ['malformed-request', 'internal-error', 'dependency-unavailable'];
const WITH_BODY: readonly ProblemName[] = ['payload-too-large', 'unsupported-media-type'];
const WITH_PERMISSION: readonly ProblemName[] = ['authentication-required', 'permission-denied'];

/** The OpenAPI 3.1 description of both listeners, made from the schemas that the requests are checked with. */
export function openApiDocument(nodeRoutes: readonly DescribedRoute[], adminRoutes: readonly DescribedRoute[]): Json {
  const described = [
    ...nodeRoutes.map((route) => ({ route, tag: 'node' })),
    ...adminRoutes.map((route) => ({ route, tag: 'admin' })),
  ];
  const schemas = new OpenApiSchemas();
  const paths: Record<string, Record<string, Json>> = {};
  for (const { route, tag } of described) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route, tag, schemas) };
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Muster',
      version: '1',
      description:
        'Decides which machines may become Kubernetes nodes. The join protocol is described in docs/join-protocol.md.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    tags: [
      { name: 'node', description: 'The node listener: TLS, the caller not authenticated.' },
      { name: 'admin', description: 'The admin listener: TLS with a client certificate from the management CA.' },
    ],
    paths,
    components: {
      schemas: { Problem: schemas.of(problemDocument), ...schemas.components() },
      securitySchemes: {
        administrator: { type: 'mutualTLS', description: 'O=muster:<role>, listed as an administrator.' },
      },
    },
  };
}

/** The route that serves the document. It is in it. */
export function openApiRoute(document: () => Json): Route<Principal> {
  return adminRoute({
    method: 'GET',
    path: '/openapi.json',
    operationId: 'openApi',
    summary: 'This description',
    permission: 'self:read',
    params: nothing,
    query: nothing,
    body: noBody,
    answers: { 200: { description: 'OpenAPI 3.1', schema: undefined } },
    problems: [],
    handle: () => Promise.resolve({ status: 200, body: document() }),
  });
}

function operation(route: DescribedRoute, tag: string, schemas: OpenApiSchemas): Json {
  const { operationId, summary, permission } = route;
  const { params, query, body } = route.schemas;
  const parameters = [...parametersOf(params, 'path', schemas), ...parametersOf(query, 'query', schemas)];
  return {
    tags: [tag],
    operationId,
    summary,
    ...(permission === undefined
      ? { security: [] }
      : { security: [{ administrator: [] }], description: `Permission: \`${permission}\`.` }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: schemas.of(body) } } } }),
    responses: { ...answersOf(route, schemas), ...problemsOf(route) },
  };
}

function parametersOf(schema: z.ZodType, place: 'path' | 'query', schemas: OpenApiSchemas): readonly Json[] {
  if (!(schema instanceof z.ZodObject)) return [];
  return Object.entries(schema.shape).map(([name, member]) => ({
    name,
    in: place,
    required: place === 'path',
    schema: schemas.of(z.instanceof(z.ZodType).parse(member)),
  }));
}

function answersOf({ answers, revalidated }: DescribedRoute, schemas: OpenApiSchemas): Json {
  const described = Object.fromEntries(
    Object.entries(answers).map(([status, { description, schema, contentType = 'application/json' }]) => [
      status,
      { description, content: { [contentType]: { schema: schema === undefined ? {} : schemas.of(schema) } } },
    ]),
  );
  const current = { description: 'If-None-Match names the ETag of what there is' };
  return revalidated === true ? { ...described, 304: current } : described;
}

function problemsOf({ problems, permission, schemas }: DescribedRoute): Json {
  const names = new Set([
    ...problems,
    ...ALWAYS,
    ...(schemas.body === undefined ? [] : WITH_BODY),
    ...(permission === undefined ? [] : WITH_PERMISSION),
  ]);
  const byStatus = Map.groupBy([...names].toSorted(), (name) => PROBLEMS[name].status);
  return Object.fromEntries(
    [...byStatus].map(([status, named]) => [
      String(status),
      {
        description: named.map((name) => `\`${name}\`: ${PROBLEMS[name].title}.`).join(' '),
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    ]),
  );
}
