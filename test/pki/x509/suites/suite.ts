/* oxlint-disable vitest/no-conditional-tests, vitest/no-disabled-tests, vitest/valid-title, vitest/valid-describe-callback --
   a suite that is not on the machine is skipped here, once and loudly; the callback of a skipped describe would still run and read it */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, test } from 'vitest';

/** Outside suites lie beside the project and are read in place: ../shared/suites from its root. */
const SUITES = fileURLToPath(new URL('../../../../../shared/suites/', import.meta.url));

export const suitePath = (...parts: readonly string[]): string => path.join(SUITES, ...parts);

export const readSuite = (...parts: readonly string[]): Buffer => readFileSync(suitePath(...parts));

/** `describe` where the suite's folder is there; one skipped test that says what is missing, and a warning, where it is not. */
export function describeSuite(folder: string, body: () => void): void {
  if (existsSync(suitePath(folder))) {
    describe(folder, body);
    return;
  }
  console.warn(`SKIPPED: outside suite ../shared/suites/${folder} is not there`);
  describe(folder, () => {
    test.skip(`needs ../shared/suites/${folder}`, () => undefined);
  });
}

/** The blocks labelled `label` of a file in which text may stand around the PEM. */
export function pemBlocks(text: string, label: string): readonly Buffer[] {
  const block = new RegExp(`-----BEGIN ${label}-----([^-]+)-----END ${label}-----`, 'g');
  return [...text.matchAll(block)].map(([, body]) => Buffer.from(body ?? '', 'base64'));
}

/** As `pemBlocks`, for exactly one. */
export function pemBlock(text: string, label: string): Buffer {
  const [only, ...rest] = pemBlocks(text, label);
  if (only === undefined || rest.length > 0)
    throw new Error(`want one ${label}, found ${rest.length + Number(!!only)}`);
  return only;
}
