import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { readEnvironment } from '#cli/config.ts';
import { contextCandidates, findContextFile, loadContext } from '#cli/context.ts';

import { runAsPerson } from './person.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'muster-cli-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('the command line', () => {
  test.each([
    [['--help'], 0],
    [['--version'], 0],
    [['nodes', 'list', '--help'], 0],
    [[], 64],
    [['nodes'], 64],
    [['nodse'], 64],
    [['nodes', 'list', '--stat', 'x'], 64],
    [['nodes', 'list', '--state', 'asleep'], 64],
    [['nodes', 'list', '-o', 'xml'], 64],
    [['audit', 'tail', '-n', '0'], 64],
    [['audit', 'tail', '-n', '1e3'], 64],
    [['init'], 64],
    [['authorizer'], 64],
    [['authorizer', '--config', 'missing.yaml'], 78],
    [['kubernetes', 'config', '--version', '1.34'], 0],
    [['kubernetes', 'config', '--version', '1.29'], 64],
    [['enrol'], 64],
    [['enrol', 'worker-1'], 64],
    [['enrol', 'worker-1', '--pool', 'general'], 64],
    [['enrol', 'worker-1', '--from', 'nodes.csv'], 64],
    [['nodes', 'list'], 78],
    [['--context-file', 'missing.yaml', 'nodes', 'list'], 78],
    [['enrol', 'Worker_1', '--pool', 'general', '--ek-hash', 'ab'.repeat(32)], 65],
  ])('%j ends with exit code %d', async (args, exitCode) => {
    expect((await runAsPerson(args, { workingDirectory: folder })).exitCode).toBe(exitCode);
  });

  test('gives examples with each command and the exit codes with the program', async () => {
    expect((await runAsPerson(['--help'])).out).toContain('Exit codes:');
    for (const command of [
      ['init'],
      ['serve'],
      ['authorizer'],
      ['kubernetes', 'config'],
      ['enrol'],
      ['nodes', 'list'],
      ['nodes', 'show'],
      ['joins', 'show'],
      ['reference', 'capture'],
      ['audit', 'tail'],
      ['audit', 'verify'],
      ['audit', 'export', 'status'],
      ['policy', 'check'],
      ['completion'],
    ]) {
      expect((await runAsPerson([...command, '--help'])).out).toContain('Examples:');
    }
  });

  test('says what to do where there is no context', async () => {
    const { err } = await runAsPerson(['nodes', 'list'], { workingDirectory: folder });
    expect(err).toContain('--context-file');
    expect(err).not.toContain('\n    at ');
  });
});

describe('the context', () => {
  const environment = { contextFile: undefined, configHome: '/home/alice/.config' };

  test('is the named file, or the environment’s, or the first of the default places', () => {
    expect(findContextFile('c.yaml', environment, '/work')).toBe('/work/c.yaml');
    expect(contextCandidates({ ...environment, contextFile: 'e.yaml' }, '/work')).toEqual(['/work/e.yaml']);
    expect(contextCandidates(environment, '/work')).toEqual([
      '/work/muster/cli.yaml',
      '/home/alice/.config/muster/cli.yaml',
    ]);
  });

  const GOOD = {
    apiVersion: 'muster/v1',
    kind: 'CliContext',
    admin: { url: 'https://127.0.0.1:7444', caFile: 'ca.pem', identityFile: 'admin.pem' },
  };

  test.each([
    ['as it should be', GOOD, /^read: ca identity$/],
    ['of another version', { ...GOOD, apiVersion: 'muster/v2' }, /apiVersion/],
    ['with an unknown member', { ...GOOD, insecure: true }, /insecure/],
    ['over plain HTTP', { ...GOOD, admin: { ...GOOD.admin, url: 'http://127.0.0.1' } }, /admin\.url/],
    ['without a CA', { ...GOOD, admin: { url: GOOD.admin.url, identityFile: 'admin.pem' } }, /admin\.caFile/],
    ['with a file that is missing', { ...GOOD, admin: { ...GOOD.admin, caFile: 'none.pem' } }, /none\.pem/],
  ])('%s is judged as such', (_, content, fault) => {
    writeFileSync(join(folder, 'ca.pem'), 'ca');
    writeFileSync(join(folder, 'admin.pem'), 'identity');
    writeFileSync(join(folder, 'cli.yaml'), JSON.stringify(content));
    expect(judge(join(folder, 'cli.yaml'))).toMatch(fault);
  });
});

function judge(file: string): string {
  try {
    const { ca, identity } = loadContext(file);
    return `read: ${ca} ${identity}`;
  } catch (error) {
    return String(error);
  }
}

describe('the environment', () => {
  test('is read for three things', () => {
    expect(readEnvironment({ HOME: '/home/a', MUSTER_CLI_CONFIG: 'c.yaml' })).toEqual({
      contextFile: 'c.yaml',
      configHome: '/home/a/.config',
    });
    expect(readEnvironment({ HOME: '/home/a', XDG_CONFIG_HOME: '/x', MUSTER_CLI_CONFIG: '' })).toEqual({
      contextFile: undefined,
      configHome: '/x',
    });
  });

  test('is refused with a setting that does not exist', () => {
    expect(() => readEnvironment({ MUSTER_CLI_CONFG: 'c.yaml' })).toThrow(expect.objectContaining({ exitCode: 78 }));
  });
});
