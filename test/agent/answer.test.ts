import { describe, expect, test } from 'vitest';
import { z } from 'zod';

import { readBody, readProblem } from '#agent/answer.ts';
import { PROBLEMS, problemType, type ProblemName } from '#protocol/problem.ts';

const NOW = Date.parse('2026-11-21T10:00:00Z');
const schema = z.object({ a: z.number() });

const http = (status: number, body: string | object, headers: Record<string, string> = {}) => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
});

const problem = (document: object, headers: Record<string, string> = {}, status = 503) =>
  readProblem(http(status, document, { 'content-type': 'application/problem+json', ...headers }), NOW);

describe('a successful answer', () => {
  test.each([
    ['', 'application/json'],
    [' with a character set', 'application/json; charset=utf-8'],
    [' in capitals', 'Application/JSON'],
  ])('is read%s', (_what, type) => {
    expect(readBody(http(201, { a: 1, later: true }, { 'content-type': type }), schema)).toEqual({
      status: 'ok',
      value: { a: 1 },
    });
  });

  test.each([
    ['of another type', http(201, { a: 1 }, { 'content-type': 'text/plain' })],
    ['of a type that begins alike', http(201, { a: 1 }, { 'content-type': 'application/jsonp' })],
    ['that is not UTF-8', { ...http(201, {}), body: Buffer.from('7b2261223a22ff227d', 'hex') }],
    ['with a wrong member', http(201, { a: '1' })],
    ['that is empty', http(201, '')],
  ])('%s is unusable', (_what, answer) => {
    expect(readBody(answer, schema)).toMatchObject({ status: 'unusable' });
  });
});

describe('a problem', () => {
  test.each(Object.entries(PROBLEMS))('named %s is known, with what to do about it', (name, { status, retry }) => {
    const document = { type: problemType(name as ProblemName), status };
    expect(problem(document, {}, status)).toMatchObject({
      status: 'problem',
      problem: name,
      retry,
      httpStatus: status,
    });
  });

  test('says itself what to do, where it does', () => {
    expect(problem({ type: problemType('state-conflict'), status: 409, retry: 'never' }, {}, 409)).toMatchObject({
      retry: 'never',
    });
  });

  test.each([
    [400, 'never'],
    [403, 'never'],
    [429, 'same-request'],
    [500, 'same-request'],
  ])('of an unknown name with status %s means %s', (status, retry) => {
    expect(problem({ type: 'urn:muster:problem:something-newer', status }, {}, status)).toMatchObject({
      problem: undefined,
      retry,
    });
  });

  test('carries the request id', () => {
    const instance = 'urn:uuid:a4f1fe42-5b0e-4d1b-8f43-5d1f6f2d6c11';
    expect(problem({ type: problemType('internal-error'), status: 500, instance })).toMatchObject({
      requestId: instance.slice(9),
    });
    expect(problem({ type: problemType('internal-error'), status: 500, instance: 'urn:uuid:$(reboot)' })).toMatchObject(
      { requestId: undefined },
    );
  });

  test.each([
    ['17', 17],
    ['Sat, 21 Nov 2026 10:00:30 GMT', 30],
    ['Sat, 21 Nov 2026 09:00:00 GMT', 0],
    ['99999', 3_600],
    ['-5', 0],
    ['soon', 0],
  ])('with Retry-After "%s" asks for %s seconds', (header, seconds) => {
    const document = { type: problemType('dependency-unavailable'), status: 503 };
    expect(problem(document, { 'retry-after': header })).toMatchObject({ retryAfterSeconds: seconds });
  });

  test.each([
    [502, { status: 'problem', retry: 'same-request' }],
    [429, { status: 'problem', retry: 'same-request' }],
    [404, { status: 'unusable' }],
    [200, { status: 'unusable' }],
    [301, { status: 'unusable' }],
  ])('that is not the service’s, with status %s, is %o', (status, expected) => {
    expect(readProblem(http(status, '<html>', { 'content-type': 'text/html' }), NOW)).toMatchObject(expected);
  });
});
