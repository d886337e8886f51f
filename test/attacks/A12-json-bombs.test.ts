import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { JsonFormatError, parseStrictJson } from '#core/strict-json.ts';
import { cpuMs } from '#test/lab/cpu-time.ts';
import {
  answerName,
  capturedJoin,
  challengeBodyOf,
  FIRST,
  postChallenge,
  postJoin,
  type TwoNodes,
  twoNodes,
} from '#test/lab/two-nodes.ts';

const KIB = 1_024;
const nested = (open: string, close: string, depth: number): string => open.repeat(depth) + close.repeat(depth);
const members = (count: number): string =>
  `{${Array.from({ length: count }, (_, index) => `"m${index}":0`).join(',')}}`;

/** Bodies that fit into 64 KiB and cost as much as they can. */
const BOMBS: readonly (readonly [string, string])[] = [
  ['arrays nested as deep as 64 KiB allows', nested('[', ']', 32 * KIB)],
  ['objects nested as deep', nested('{"a":', '}', 10 * KIB).replace(':}', ':0}')],
  ['as many members', members(6_000)],
  ['as many members of one name', `{${Array(9_000).fill('"a":0').join(',')}}`],
  ['as many empty arrays', `[${Array(21_000).fill('[]').join(',')}]`],
  ['one string', JSON.stringify('a'.repeat(63 * KIB))],
  ['one string of escapes', `"${'\\u0041'.repeat(10 * KIB)}"`],
  ['one string of backslashes', `"${'\\\\'.repeat(31 * KIB)}"`],
  ['one number', '1'.repeat(63 * KIB)],
  ['white space', `${' '.repeat(63 * KIB)}{}`],
  ['quotation marks', '"'.repeat(63 * KIB)],
  ['backslashes before quotation marks', `"${'\\'.repeat(60 * KIB)}"`],
];

describe('A12 JSON that costs more to read than to send', () => {
  let scene: TwoNodes;

  beforeAll(async () => {
    scene = await twoNodes();
  });

  afterAll(() => scene[Symbol.asyncDispose]());

  test('A12 requests as they should be are answered', async () => {
    const { join } = await capturedJoin(scene.client, scene.first);
    expect(answerName(await postJoin(scene.client, join))).toBe('ok');
  });

  test.each(BOMBS)('A12 of %s: refused, on every route that takes a body', async (_, body) => {
    const admin = scene.running.admin(await scene.running.administrator());
    const answers = [
      await postChallenge(scene.client, body),
      await postJoin(scene.client, body),
      await admin.send({ method: 'POST', path: '/v1/enrolments', body }),
    ];
    for (const answer of answers) expect(answerName(answer)).toBe('malformed-request');
    expect(answerName(await postChallenge(scene.client, challengeBodyOf(scene.first, FIRST)))).toBe('ok');
  });

  test.each(BOMBS)('A12 of %s: read in less than 20 ms of the processor', async (_, body) => {
    const bytes = Buffer.from(body);
    const ms = await cpuMs(() => {
      try {
        parseStrictJson(bytes);
      } catch (error) {
        if (!(error instanceof JsonFormatError)) throw error;
      }
      return Promise.resolve();
    });
    expect(ms).toBeLessThan(20);
  });

  test.each([
    ['arrays nested 5 million deep', '['.repeat(5_000_000)],
    ['100,000 members', members(100_000)],
    ['a string of 1 MB', JSON.stringify('a'.repeat(1_000_000))],
  ])('A12 of %s: cut off before it is read whole', async (_, body) => {
    const answer = await postChallenge(scene.running.node(), body).catch(() => undefined);
    // The connection is closed on a sender that goes on: whether the answer is read before that is a race.
    expect(['payload-too-large', 'closed']).toContain(answer === undefined ? 'closed' : answerName(answer));
    expect(answerName(await postChallenge(scene.client, challengeBodyOf(scene.first, FIRST)))).toBe('ok');
  });

  test.each([
    ['__proto__', '"__proto__":{"nodeName":"worker-7"}'],
    ['__proto__, spelt with escapes', '"__pro\\u0074o__":{"nodeName":"worker-7"}'],
    ['constructor', '"constructor":{"prototype":{"nodeName":"worker-7"}}'],
    ['toString', '"toString":0'],
    ['a member twice', '"nodeName":"worker-8"'],
    ['a member twice, once with escapes', '"nodeN\\u0061me":"worker-8"'],
  ])('A12 with %s more in it a good request is refused, and no object learns of it', async (_, extra) => {
    const text = JSON.stringify(challengeBodyOf(scene.first, FIRST));
    expect(answerName(await postChallenge(scene.client, `${text.slice(0, -1)},${extra}}`))).toBe('malformed-request');
    expect(Reflect.get({}, 'nodeName')).toBeUndefined();
    expect(answerName(await postChallenge(scene.client, text))).toBe('ok');
  });
});
