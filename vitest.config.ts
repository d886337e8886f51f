import { defineConfig } from 'vitest/config';

/** Minutes of load, which the others would slow down and be slowed down by: when they have ended. */
const SOAK = 'test/soak/soak.test.ts';

export default defineConfig({
  test: {
    testTimeout: 20_000,
    hookTimeout: 60_000,
    pool: 'forks',
    reporters: ['default'],
    projects: [
      {
        extends: true,
        // Minutes, and root: npm run test:packages.
        test: { name: 'tests', include: ['test/**/*.test.ts'], exclude: ['test/packages/**', SOAK] },
      },
      { extends: true, test: { name: 'soak', include: [SOAK], sequence: { groupOrder: 1 } } },
    ],
  },
});
