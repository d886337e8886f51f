import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { forgetUnnoticed, renderMutationReport, scoreOf } from '#scripts/mutation/mutation-report.ts';
import { strykerPlugins, textForPeople } from '#scripts/mutation/texts-for-people.ts';

const mutant = (status: 'Killed' | 'Survived' | 'NoCoverage' | 'Timeout' | 'Ignored' | 'RuntimeError', line = 1) => ({
  mutatorName: 'ConditionalExpression',
  replacement: 'true',
  status,
  location: { start: { line, column: 5 }, end: { line, column: 10 } },
});

describe('the mutation score', () => {
  test.each([
    ['nothing', [], 100],
    ['what a test noticed', ['Killed', 'Killed', 'Killed', 'Survived'], 75],
    ['what made the tests run without end, as noticed', ['Killed', 'Timeout', 'Survived', 'Survived'], 50],
    ['what no test runs, as unnoticed', ['Killed', 'NoCoverage'], 50],
    ['neither what is left out nor what does not load', ['Killed', 'Ignored', 'RuntimeError'], 100],
  ] as const)('counts %s', (_what, statuses, score) => {
    expect(scoreOf(statuses.map((status) => ({ status }))).score).toBe(score);
  });
});

test('the report shows each survivor as the code it changed', () => {
  const report = renderMutationReport({
    files: {
      'b.ts': { source: 'if (first) stop();', mutants: [mutant('Killed')] },
      'a.ts': {
        source: 'if (first) stop();\nif (other) stop();',
        mutants: [mutant('Survived', 2), mutant('NoCoverage')],
      },
    },
  });
  expect(report.split('\n')).toEqual([
    '  0.0 %  a.ts: 2 mutants, 0 killed, 0 timed out, 2 survived, 0 ignored',
    '         2:5 ConditionalExpression: other → true',
    '         1:5 ConditionalExpression (no test runs it): first → true',
    '100.0 %  b.ts: 1 mutants, 1 killed, 0 timed out, 0 survived, 0 ignored',
    ' 33.3 %  all: 3 mutants, 1 killed, 0 timed out, 2 survived, 0 ignored',
  ]);
});

test('the second pass starts from what the first one noticed, and from nothing else', () => {
  const directory = mkdtempSync(join(tmpdir(), 'muster-mutation-'));
  try {
    const file = join(directory, 'incremental.json');
    const statuses = ['Killed', 'Survived', 'Timeout', 'NoCoverage', 'Ignored', 'RuntimeError'].map((status) => ({
      status,
    }));
    writeFileSync(file, JSON.stringify({ tests: 7, files: { 'a.ts': { source: 'x', mutants: statuses } } }));
    forgetUnnoticed(file);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
      tests: 7,
      files: { 'a.ts': { source: 'x', mutants: [{ status: 'Killed' }, { status: 'Timeout' }] } },
    });
    expect(() => forgetUnnoticed(join(directory, 'none.json'))).not.toThrow();
  } finally {
    rmSync(directory, { recursive: true });
  }
});

describe('left out are only texts for people', () => {
  const thrown = (name: string, key: number, type = 'StringLiteral') => ({
    node: { type },
    parent: { type: 'NewExpression', callee: { type: 'Identifier', name } },
    listKey: 'arguments',
    key,
  });

  const called = (name: string) => ({ type: 'CallExpression', callee: { type: 'Identifier', name } });
  const valueOf = (name: string) => ({
    node: { type: 'StringLiteral' },
    parent: { type: 'ObjectProperty', key: { type: 'Identifier', name } },
    listKey: undefined,
    key: 'value',
  });

  test.each([
    ['the message of an error', thrown('RangeError', 0), true],
    ['a message that is put together', thrown('Error', 0, 'TemplateLiteral'), true],
    ['the name of the structure that is read', thrown('Reader', 1), true],
    ['what is wrong with an event', { ...thrown('grammarDenial', 1), parent: called('grammarDenial') }, true],
    ['the detail of a denial', valueOf('detail'), true],
    [
      'the detail of a denial, where it is put together first',
      {
        node: { type: 'TemplateLiteral' },
        parent: { type: 'VariableDeclarator', id: { type: 'Identifier', name: 'detail' } },
        listKey: undefined,
        key: 'init',
      },
      true,
    ],
    [
      'the name of the structure that a reader goes into',
      {
        ...thrown('Reader', 0),
        parent: {
          type: 'CallExpression',
          callee: { type: 'MemberExpression', property: { type: 'Identifier', name: 'sequence' } },
        },
      },
      true,
    ],
    [
      'another method’s argument',
      {
        ...thrown('Reader', 0),
        parent: {
          type: 'CallExpression',
          callee: { type: 'MemberExpression', property: { type: 'Identifier', name: 'get' } },
        },
      },
      false,
    ],
    ['its code', valueOf('code'), false],
    ['a name that is written as one', { ...valueOf('detail'), key: 'key' }, false],
    ['a number in an error', thrown('RangeError', 0, 'NumericLiteral'), false],
    ['an error’s second argument', thrown('RangeError', 1), false],
    ['the code of an error of our own', thrown('Tpm2FormatError', 0), false],
    ['a reader’s first argument', thrown('Reader', 0), false],
    ['a string in a list', { ...thrown('Error', 0), listKey: 'elements' }, false],
    ['the argument of a call', { ...thrown('Error', 0), parent: called('sign') }, false],
    ['a string alone', { ...thrown('Error', 0), parent: null }, false],
  ])('%s', (_what, place, isLeftOut) => {
    expect(textForPeople(place) !== undefined).toBe(isLeftOut);
  });

  test('and Stryker finds the rule by the name that the settings use', () => {
    expect(strykerPlugins.map(({ kind, name }) => `${kind} ${name}`)).toEqual(['Ignore texts-for-people']);
  });
});
