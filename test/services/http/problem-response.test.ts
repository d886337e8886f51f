import { describe, expect, test } from 'vitest';

import { DependencyError } from '#core/dependency-error.ts';
import { newRequestId } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import { PROBLEMS, problemDocument, problemName, type ProblemName } from '#protocol/problem.ts';
import { ProblemError } from '#services/http/problem-error.ts';
import { problemOf, renderProblem } from '#services/http/problem-response.ts';

const id = newRequestId(systemRandom);
const details = { detail: 'which check', errors: [{ pointer: '/a', detail: 'which member' }] };

describe('a problem document', () => {
  test.each(Object.keys(PROBLEMS) as ProblemName[])(
    'of %s says its name, its status and what to do next',
    (problem) => {
      const document = problemDocument.parse(renderProblem({ problem }, id, false));
      const { status, retry } = PROBLEMS[problem];
      expect(document).toMatchObject({ status, retry, instance: `urn:uuid:${id}` });
      expect(problemName(document.type)).toBe(problem);
    },
  );

  test.each<[ProblemName, boolean, boolean]>([
    ['malformed-request', false, true],
    ['csr-rejected', false, true],
    ['evidence-rejected', false, false],
    ['challenge-invalid', false, false],
    ['node-barred', false, false],
    ['origin-refused', false, false],
    ['internal-error', false, false],
    ['state-conflict', true, true],
    ['not-found', true, true],
  ])('of %s, to a caller who is authenticated (%s), has details: %s', (problem, authenticated, told) => {
    const document = renderProblem({ problem, ...details }, id, authenticated);
    expect('detail' in document).toBe(told);
    expect('errors' in document).toBe(told);
  });
});

describe('an error', () => {
  test.each<[string, unknown, object]>([
    ['of the HTTP layer is its own problem', new ProblemError('payload-too-large'), { problem: 'payload-too-large' }],
    [
      'of a dependency is a 503 with a time to come back',
      new DependencyError('store', 'SQLITE_IOERR at /secret/path'),
      { problem: 'dependency-unavailable', retryAfterSeconds: 5 },
    ],
    ['of any other kind is an internal error', new TypeError('at /secret/path'), { problem: 'internal-error' }],
    ['that is no Error is an internal error', 'text', { problem: 'internal-error' }],
  ])('%s', (_, error, problem) => {
    expect(problemOf(error)).toEqual(problem);
  });
});
