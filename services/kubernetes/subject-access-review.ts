import { z } from 'zod';

import type { Bytes } from '#core/bytes.ts';
import { parseStrictJson } from '#core/strict-json.ts';

/** What of a SubjectAccessReview the authorizer decides on. */
export interface SubjectAccessReview {
  readonly user: string;
  readonly groups: readonly string[];
  /** Keys as Kubernetes sends them: in lower case. */
  readonly extra: ReadonlyMap<string, readonly string[]>;
  readonly resource: { readonly verb: string; readonly group: string; readonly resource: string } | undefined;
}

const text = z.string();
const list = z.array(text).nullish();

// Loose at every level: Kubernetes adds fields (fieldSelector, labelSelector, conditional authorization), and none of them lets anybody in.
const schema = z.object({
  apiVersion: z.literal('authorization.k8s.io/v1'),
  kind: z.literal('SubjectAccessReview'),
  spec: z.object({
    user: text.default(''),
    groups: list,
    extra: z.record(text, list).nullish(),
    resourceAttributes: z
      .object({ verb: text.default(''), group: text.default(''), resource: text.default('') })
      .nullish(),
  }),
});

/** A request that is not a SubjectAccessReview of `authorization.k8s.io/v1`. */
export class SubjectAccessReviewFormatError extends Error {
  readonly code = 'not-a-review';

  constructor() {
    super('not a SubjectAccessReview of authorization.k8s.io/v1');
    this.name = 'SubjectAccessReviewFormatError';
  }
}

/**
 * The review in a request's body. Unknown members are let pass; a member that is relied on must be of its type. Throws JsonFormatError, or
 * SubjectAccessReviewFormatError.
 */
export function parseSubjectAccessReview(body: Bytes): SubjectAccessReview {
  const parsed = schema.safeParse(parseStrictJson(body), { reportInput: false });
  if (!parsed.success) throw new SubjectAccessReviewFormatError();
  const { user, groups, extra, resourceAttributes } = parsed.data.spec;
  return {
    user,
    groups: groups ?? [],
    extra: new Map(Object.entries(extra ?? {}).map(([key, values]) => [key.toLowerCase(), values ?? []])),
    resource: resourceAttributes ?? undefined,
  };
}
