import { defineConfig } from 'vitest/config';

// npm run test:containers: what the Dockerfiles and docker-compose.yml say is carried out in namespaces. Minutes, root and BAO_BIN are needed.
export default defineConfig({
  test: { include: ['test/compose/outside-containers.test.ts'], pool: 'forks', reporters: ['default'] },
});
