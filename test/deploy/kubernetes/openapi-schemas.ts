import { readFileSync } from 'node:fs';

import { z } from 'zod';

import { describeIssue } from '#services/config/strict-document.ts';

import type { ManifestObject } from './manifests.ts';

const definitionsSchema = z.record(z.string(), z.record(z.string(), z.unknown()));
const namedSchema = z.array(z.object({ group: z.string(), kind: z.string(), version: z.string() })).length(1);

const NAMED = 'x-kubernetes-group-version-kind';
const PUBLISHED = definitionsSchema.parse(
  JSON.parse(readFileSync('test/vectors/kubernetes-openapi/definitions.json', 'utf8')),
);

/** As published, and strict: a member that the API does not know is refused, which an API server does only where it is asked to. */
const DEFINITIONS = Object.fromEntries(
  Object.entries(PUBLISHED).map(([name, definition]) => [name, close(definition)]),
);

const SCHEMAS = new Map<string, z.ZodType>(
  Object.entries(PUBLISHED)
    .filter(([, definition]) => NAMED in definition)
    .map(([name, definition]) => {
      const [{ group, version, kind } = { group: '', version: '', kind: '' }] = namedSchema.parse(definition[NAMED]);
      const reference = { $ref: `#/definitions/${name}`, definitions: DEFINITIONS };
      const schema = z.fromJSONSchema({ $schema: 'http://json-schema.org/draft-07/schema#', ...reference });
      return [`${group === '' ? '' : `${group}/`}${version} ${kind}`, schema] as const;
    }),
);

/** What in an object is against the schema of its kind, in Kubernetes 1.36 or as prometheus-operator 0.93 has it; a kind without one is a fault too. */
export function schemaFaults(object: ManifestObject): readonly string[] {
  const name = `${object.apiVersion} ${object.kind}`;
  const schema = SCHEMAS.get(name);
  if (schema === undefined) return [`${name}: no schema`];
  const { error } = schema.safeParse(object);
  return error?.issues.flatMap(describeIssue) ?? [];
}

function close(definition: unknown): unknown {
  if (typeof definition !== 'object' || definition === null || Array.isArray(definition)) return definition;
  // Swagger 2 cannot say that a value is one of two types.
  if ('format' in definition && definition.format === 'int-or-string') {
    return { anyOf: [{ type: 'integer' }, { type: 'string' }] };
  }
  const closed: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(definition)) {
    if (keyword === 'properties' && typeof value === 'object' && value !== null) {
      closed[keyword] = Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, close(inner)]));
    } else closed[keyword] = keyword === 'items' || keyword === 'additionalProperties' ? close(value) : value;
  }
  return 'properties' in closed && !('additionalProperties' in closed)
    ? { ...closed, additionalProperties: false }
    : closed;
}
