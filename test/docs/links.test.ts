import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { describe, expect, test } from 'vitest';

const PAGES = [...globSync('*.md'), ...globSync('docs/**/*.md'), ...globSync('{deploy,test,scripts}/**/*.md')];
const LINK = /\[[^\]]*\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)/g;

interface Link {
  readonly page: string;
  readonly path: string;
  readonly anchor: string | undefined;
}

const linksOf = (page: string): readonly Link[] =>
  [
    ...readFileSync(page, 'utf8')
      .replaceAll(/```[\s\S]*?```|`[^`\n]*`/g, '')
      .matchAll(LINK),
  ].map(([, path = '', anchor]) => ({ page, path: path === '' ? page : join(dirname(page), path), anchor }));

/** As forges make them of a heading: lower case, spaces to hyphens, punctuation gone. */
const anchorsOf = (page: string): readonly string[] =>
  [...readFileSync(page, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

const LINKS = PAGES.flatMap(linksOf);

describe('the pages', () => {
  test('lead to files that exist', () => {
    const dead = LINKS.filter(({ path }) => !existsSync(path));
    expect(dead.map(({ page, path }) => `${page} → ${path}`)).toEqual([]);
  });

  test('lead to headings that exist', () => {
    const dead = LINKS.filter(
      ({ path, anchor }) => anchor !== undefined && path.endsWith('.md') && !anchorsOf(path).includes(anchor),
    );
    expect(dead.map(({ page, path, anchor }) => `${page} → ${path}#${anchor ?? ''}`)).toEqual([]);
  });

  test('are all on the map', () => {
    const mapped = new Set(linksOf('docs/README.md').map(({ path }) => path));
    const unmapped = globSync('docs/**/*.md').filter((page) => page !== 'docs/README.md' && !mapped.has(page));
    expect(unmapped).toEqual([]);
  });

  test('of compliance name files and tests that exist', () => {
    const paths = globSync('docs/compliance/*.md').flatMap((page) =>
      [...readFileSync(page, 'utf8').matchAll(/`([^`\s]+\/[^`\s]*)`/g)].map(([, path = '']) => path),
    );
    expect(paths.length).toBeGreaterThan(50);
    expect(paths.filter((path) => globSync(path).length === 0)).toEqual([]);
  });
});
