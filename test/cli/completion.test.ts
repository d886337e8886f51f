import { execFileSync } from 'node:child_process';

import { describe, expect, test } from 'vitest';

import { runAsPerson } from './person.ts';

const script = async (shell: string): Promise<string> => (await runAsPerson(['completion', shell])).out;

/** What bash offers when the cursor stands at the end of `words`. */
async function offered(...words: readonly string[]): Promise<readonly string[]> {
  const program = `${await script('bash')}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _muster; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const out = execFileSync('bash', ['-c', program, 'bash', ...words], { encoding: 'utf8' });
  return out.split('\n').filter((word) => word !== '');
}

describe('completion in bash', () => {
  test.each([
    [['muster', 'no'], ['nodes']],
    [['muster', 'nodes', ''], expect.arrayContaining(['list', 'show'])],
    [['muster', 'nodes', 'list', '--st'], ['--state']],
    [['muster', 'nodes', 'list', '--state', 'q'], ['quarantined']],
    [['muster', '--output', 'y'], ['yaml']],
    [['muster', 'nodes', 'list', '-o', 'j'], ['json']],
    [['muster', '-o', 'json', 'audit', 'v'], ['verify']],
    [['muster', 'completion', '--con'], ['--context-file']],
  ])('%j offers %j', async (words, replies) => {
    expect(await offered(...words)).toEqual(replies);
  });

  test('offers files where a file is wanted', async () => {
    expect(await offered('muster', 'enrol', '--from', 'package.j')).toContain('package.json');
  });
});

describe.each(['zsh', 'fish'])('completion in %s', (shell) => {
  test('names every command and its options', async () => {
    const text = await script(shell);
    for (const word of ['enrol', 'nodes', 'joins', 'reference', 'audit', 'policy', 'init', 'serve']) {
      expect(text).toContain(word);
    }
    expect(text).toContain(shell === 'zsh' ? '--ek-cert[' : '-l ek-cert');
  });
});

test('is refused for a shell that is none of the three', async () => {
  expect(await runAsPerson(['completion', 'tcsh'])).toMatchObject({ exitCode: 64 });
});
