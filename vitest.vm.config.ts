import { defineConfig } from 'vitest/config';

/** `npm run test:vm`: virtual machines, apart from the tests that run with every change. */
export default defineConfig({
  test: {
    include: ['test/vm/**/*.vm.ts'],
    // A boot in pure emulation takes from half a minute to several, by how busy the host is.
    testTimeout: 600_000,
    hookTimeout: 1_200_000,
    maxConcurrency: 2,
    pool: 'forks',
    reporters: ['verbose'],
  },
});
