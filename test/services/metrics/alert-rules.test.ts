import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

const directory = join(import.meta.dirname, '../../../deploy/prometheus');
const promtool = (...args: readonly string[]) => spawnSync('promtool', args, { cwd: directory, encoding: 'utf8' });
const isThere = promtool('--version').status === 0;
if (!isThere) console.warn('promtool is not installed (Debian: prometheus): the alert rules are not tested');

describe.skipIf(!isThere)('the alert rules, by promtool,', () => {
  test('are in due form', () => {
    const { status, stdout, stderr } = promtool('check', 'rules', 'muster.rules.yaml');
    expect(`${stdout}${stderr}`).toContain('SUCCESS');
    expect(status).toBe(0);
  });

  test('fire when they should, and not otherwise', () => {
    const { status, stdout, stderr } = promtool('test', 'rules', 'muster.rules.test.yaml');
    expect(`${stdout}${stderr}`).toContain('SUCCESS');
    expect(status).toBe(0);
  });
});
