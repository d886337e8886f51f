import { spawnSync } from 'node:child_process';

import { expect, test } from 'vitest';

function hasCompose(): boolean {
  const isThere = spawnSync('docker', ['compose', 'version']).status === 0;
  if (!isThere) console.warn('SKIPPED: no docker compose on this machine, so it is not asked about docker-compose.yml');
  return isThere;
}

test.skipIf(!hasCompose())(
  'docker compose takes docker-compose.yml, with a network of one’s own too (docker compose)',
  () => {
    for (const environment of [{}, { NODE_NETWORK: '10.99.0.0/24' }]) {
      const { status, stderr } = spawnSync('docker', ['compose', 'config', '--quiet'], {
        encoding: 'utf8',
        env: { ...process.env, ...environment },
      });
      expect(stderr).toBe('');
      expect(status).toBe(0);
    }
  },
);
