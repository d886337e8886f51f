import { globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** One source file of the tree: its path from the root with `/`, and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** Every TypeScript file of the tree that is ours, in order of path. */
export function readSourceFiles(root: string): readonly SourceFile[] {
  return globSync('**/*.ts', {
    cwd: root,
    exclude: (path) => /(?:^|\/)(?:node_modules|\.git|coverage)(?:\/|$)/.test(path),
  })
    .map((path) => relative(root, join(root, path)).replaceAll('\\', '/'))
    .toSorted()
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

/**
 * The code of `text` with every comment blanked and, unless `keepStrings`, the content of every string and of the fixed parts of
 * templates too. Line breaks stay, so that offsets still give line numbers. A regular expression literal that contains a quote or `//`
 * is recognised by what stands before it.
 */
export function codeOnly(text: string, keepStrings = false): string {
  const TOKEN =
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|\$\{(?:[^{}`]|\{[^{}]*\}|`(?:\\.|[^`\\])*`)*\}|[^`\\])*`|(?<=[=(,:!&|?[{;\n]\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[dgimsuvy]*/g;
  return text.replace(TOKEN, (token) => {
    if (token.startsWith('//') || token.startsWith('/*')) return blank(token);
    if (keepStrings) return token;
    if (token.startsWith('`'))
      return token.replace(/\$\{([^}]*)\}|[^\n]/g, (part) => (part.startsWith('${') ? part : ' '));
    return token.startsWith('/') ? blank(token) : `${token[0]}${blank(token.slice(1, -1))}${token.at(-1)}`;
  });
}

/** The 1-based line that `offset` stands on. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

const blank = (token: string): string => token.replace(/[^\n]/g, ' ');
