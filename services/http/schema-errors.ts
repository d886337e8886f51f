import type { z } from 'zod';

import type { FieldError } from '#protocol/problem.ts';

/** Members reported at once, at most. */
const ERRORS_MAX = 100;
/** Characters of an unknown member's name that are given back. */
const NAME_MAX = 64;

/** One JSON pointer (RFC 6901) per wrong member, and the first thing that was expected there; never the value that was sent. */
export function fieldErrors(error: z.core.$ZodError): FieldError[] {
  const first = new Map<string, FieldError>();
  for (const fault of error.issues.flatMap(describe)) {
    if (!first.has(fault.pointer) && first.size < ERRORS_MAX) first.set(fault.pointer, fault);
  }
  return [...first.values()];
}

/** The pointer to a member by its path. */
export const jsonPointer = (path: readonly PropertyKey[]): string =>
  path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

function describe(issue: z.core.$ZodIssue): FieldError[] {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      pointer: jsonPointer([...path, key.slice(0, NAME_MAX)]),
      detail: 'unknown member',
    }));
  }
  const detail = issue.code === 'invalid_key' ? 'the member’s name is not allowed' : issue.message;
  return [{ pointer: jsonPointer(path), detail }];
}
