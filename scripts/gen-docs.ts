import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { configurationPage } from './doc-pages/configuration.ts';
import { openApiPage } from './doc-pages/openapi.ts';
import { problemsPage } from './doc-pages/problems.ts';
import { prometheusRule } from './doc-pages/prometheus-rule.ts';

/** The pages that are made from the code, and the manifest that is made from another file, by path. */
export function generatedPages(): ReadonlyMap<string, string> {
  return new Map([
    ['docs/openapi.json', openApiPage()],
    ['docs/problems.md', problemsPage()],
    ['docs/configuration.md', configurationPage()],
    ['deploy/kubernetes/components/prometheus/prometheus-rule.yaml', prometheusRule()],
  ]);
}

/** Paths of the pages whose file is missing or says something else. */
export function stalePages(root: string): readonly string[] {
  return [...generatedPages()].filter(([path, text]) => readIfThere(join(root, path)) !== text).map(([path]) => path);
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..');
  if (process.argv.includes('--check')) {
    const stale = stalePages(root);
    for (const path of stale) console.error(`${path} is not what the code says: run npm run docs`);
    console.log(stale.length === 0 ? 'docs: generated pages are up to date' : `docs: ${stale.length} pages are stale`);
    process.exitCode = stale.length === 0 ? 0 : 1;
  } else {
    for (const [path, text] of generatedPages()) writeFileSync(join(root, path), text);
  }
}
