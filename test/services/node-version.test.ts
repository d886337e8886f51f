import { expect, test } from 'vitest';

import { nodeVersionFault } from '#services/node-version.ts';

test.each([
  [process.version, true],
  ['v24.13.0', true],
  ['v24.14.1', true],
  ['v25.3.0', true],
  ['v26.0.0', true],
  ['v100.0.0', true],
  ['v24.12.9', false],
  ['v25.2.9', false],
  ['v22.22.0', false],
  ['v20.20.2', false],
  ['v9.99.0', false],
  ['', false],
  ['24.12.0', false],
])('the service runs on Node.js %s: %s', (version, runs) => {
  expect(nodeVersionFault(version) === undefined).toBe(runs);
});
