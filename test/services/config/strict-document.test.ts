import { expect, test } from 'vitest';
import { z } from 'zod';

import { ConfigError, parseDocumentText } from '#services/config/strict-document.ts';

const schema = z.strictObject({ pcrs: z.record(z.string(), z.string()) });

/** The value that was read, or the first line of each problem. */
function outcome(text: string): unknown {
  try {
    return parseDocumentText(text, 'now.yaml', schema);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

test('a document of plain members is read, whatever their names look like', () => {
  expect(outcome('pcrs: { 0: "aa", "1": "bb", 010: "cc", 0x2: "dd", true: "ee" }')).toEqual({
    pcrs: { '0': 'aa', '1': 'bb', '010': 'cc', '0x2': 'dd', true: 'ee' },
  });
});

test.each<[string, string, RegExp]>([
  ['twice in one spelling', 'pcrs: { 0: "aa", 0: "bb" }', /unique/],
  ['once as a number and once as a string', 'pcrs: { 0: "aa", "0": "bb" }', /unique/],
  ['a mapping', 'pcrs: { ? { a: b } : "aa" }', /keys must be strings/],
  ['a list', 'pcrs: { ? [0] : "aa" }', /keys must be strings/],
  ['tagged', 'pcrs: { !!int 0 : "aa" }', /keys must be strings/],
])('a document with a member that is named %s is refused', (_, text, why) => {
  expect(outcome(text)).toEqual([expect.stringMatching(why)]);
});

test.each([
  ['an alias', 'pcrs: { 0: &a "aa", 1: *a }'],
  ['a merge', 'base: &b { 0: "aa" }\npcrs: { <<: *b }'],
  ['two documents', 'pcrs: {}\n---\npcrs: {}\n'],
  ['a tag of its own', 'pcrs: !mine {}'],
])('a document with %s is refused', (_, text) => {
  expect(outcome(text)).toBeInstanceOf(Array);
});
