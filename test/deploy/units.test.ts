import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

const UNITS = [
  'deploy/systemd/muster-agent.service',
  'deploy/systemd/muster.service',
  'deploy/kubernetes/muster-authorizer.service',
];
const lines = (path: string) =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => !line.startsWith('#'));

function hasSystemdAnalyze(): boolean {
  const isThere = spawnSync('systemd-analyze', ['--version']).status === 0;
  if (!isThere) console.warn('SKIPPED: no systemd-analyze on this machine, so the units’ exposure is not looked at');
  return isThere;
}

describe.skipIf(!hasSystemdAnalyze()).each(UNITS)('systemd-analyze says of %s', (unit) => {
  test('an exposure of 2.0 at most', () => {
    // The threshold is in tenths; above it the exit code is not 0.
    const args = ['security', '--offline=true', '--threshold=20', '--no-pager', unit];
    const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
    expect(`${stdout.split('\n').at(-2)} ${stderr}`).toContain('Overall exposure level');
    expect(status).toBe(0);
  });
});

describe.each(UNITS)('%s', (unit) => {
  test.each([
    'NoNewPrivileges=yes',
    'ProtectSystem=strict',
    'CapabilityBoundingSet=',
    'SystemCallFilter=@system-service',
  ])('says %s', (setting) => {
    expect(lines(unit)).toContain(setting);
  });

  test('runs the program where the package puts it', () => {
    expect(lines(unit).find((line) => line.startsWith('ExecStart='))).toMatch(
      /^ExecStart=\/usr\/bin\/muster(?:-agent)? /,
    );
  });
});

describe('the agent’s unit', () => {
  const unit = lines('deploy/systemd/muster-agent.service');

  test('opens the TPM’s device and no other', () => {
    expect(unit).toContain('DevicePolicy=closed');
    expect(unit.filter((line) => line.startsWith('DeviceAllow='))).toEqual(['DeviceAllow=/dev/tpmrm0 rw']);
  });

  test('has the credential in memory, for its eyes alone, across restarts', () => {
    expect(unit).toEqual(
      expect.arrayContaining([
        'RuntimeDirectory=muster-agent',
        'RuntimeDirectoryMode=0700',
        'RuntimeDirectoryPreserve=yes',
      ]),
    );
  });

  test('is ready before the kubelet starts, which needs what it writes', () => {
    expect(unit).toEqual(expect.arrayContaining(['Type=notify', 'Before=kubelet.service']));
    const dropIn = lines('deploy/systemd/kubelet.service.d/20-muster.conf');
    expect(dropIn).toEqual(
      expect.arrayContaining([
        'After=muster-agent.service',
        'Wants=muster-agent.service',
        'ExecStartPre=/usr/bin/test -s /run/muster-agent/node.pem',
      ]),
    );
    expect(dropIn.join('\n')).toContain('--kubeconfig=/etc/kubernetes/kubelet.conf --rotate-certificates=false');
    expect(dropIn.join('\n')).not.toContain('bootstrap');
  });
});
