import { defineConfig } from 'vitest/config';

// npm run test:packages: packages are built and installed into a clean Debian. Minutes, root and debootstrap are needed.
export default defineConfig({
  test: { include: ['test/packages/**/*.test.ts'], pool: 'forks', reporters: ['default'] },
});
