import { defineConfig } from 'vitest/config';

/** Minutes of load, which the others would slow down and be slowed down by: when they have ended. */
const SOAK = 'test/soak/soak.test.ts';
/** Minutes, and root: npm run test:packages, npm run test:containers. */
const APART = ['test/packages/**', 'test/compose/outside-containers.test.ts'];

export default defineConfig({
  test: {
    testTimeout: 20_000,
    hookTimeout: 60_000,
    pool: 'forks',
    reporters: ['default'],
    projects: [
      {
        extends: true,
        test: { name: 'tests', include: ['test/**/*.test.ts'], exclude: [...APART, SOAK] },
      },
      { extends: true, test: { name: 'soak', include: [SOAK], sequence: { groupOrder: 1 } } },
    ],
  },
});
