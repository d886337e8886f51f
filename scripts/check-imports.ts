import { dirname, join, posix } from 'node:path';

import { findMechanicalFaults } from './mechanical-rules.ts';
import {
  ANYTHING,
  COMPOSES,
  IO_MODULE,
  MAY_IMPORT,
  MAY_IMPORT_PACKAGE,
  PURE_FOLDERS,
  SERVER_COMMANDS_DOOR,
  SERVICE_MAY_IMPORT,
} from './import-rules.ts';
import { codeOnly, lineAt, readSourceFiles, type SourceFile } from './source-files.ts';

/** One broken rule. */
export interface Fault {
  readonly path: string;
  readonly line: number;
  readonly what: string;
}

interface Import {
  readonly specifier: string;
  readonly line: number;
  readonly dynamic: boolean;
}

const STATIC_IMPORT = /^[ \t]*(?:import|export)\b(?:[^'";]*?\bfrom\s*)?\s*(['"])([^'"\n]+)\1/gm;
const DYNAMIC_IMPORT = /\bimport\(\s*(['"])([^'"\n]+)\1/g;

/** Every import that breaks the table in `import-rules.ts`, and every mechanical rule that a file breaks. Empty: the tree is in order. */
export function findFaults(files: readonly SourceFile[]): readonly Fault[] {
  return files.flatMap((file) => [
    ...importsOf(file).flatMap((entry) => {
      const what = importFault(file.path, entry);
      return what === undefined ? [] : [{ path: file.path, line: entry.line, what }];
    }),
    ...findMechanicalFaults(file),
  ]);
}

/** The folder of the table that `path` belongs to. */
export function folderOf(path: string): string {
  const parts = path.split('/');
  const two = parts.slice(0, 2).join('/');
  if (parts.length > 2 && (two in MAY_IMPORT || parts[0] === 'services')) return two;
  return parts.length > 1 ? (parts[0] ?? '') : '';
}

function importsOf(file: SourceFile): readonly Import[] {
  const code = codeOnly(file.text, true);
  const found = (pattern: RegExp, dynamic: boolean): Import[] =>
    [...code.matchAll(pattern)].map((match) => ({
      specifier: match[2] ?? '',
      line: lineAt(code, match.index),
      dynamic,
    }));
  return [...found(STATIC_IMPORT, false), ...found(DYNAMIC_IMPORT, true)];
}

function importFault(path: string, entry: Import): string | undefined {
  const from = folderOf(path);
  const { specifier } = entry;
  if (specifier.startsWith('node:')) {
    const pure = PURE_FOLDERS.includes(from);
    return pure && IO_MODULE.test(specifier) ? `${from}/ does no input or output: ${specifier}` : undefined;
  }
  const target = targetOf(path, specifier);
  if (target === undefined) return packageFault(from, specifier);
  if (!target.endsWith('.ts') && !target.endsWith('.json'))
    return `import names the file with its extension: ${specifier}`;
  if (target === 'package.json') return undefined;
  const to = folderOf(target);
  if (specifier.startsWith('.') && topOf(path) !== topOf(target))
    return `across folders as #folder/file.ts, not ${specifier}`;
  return folderFault(path, from, to, entry);
}

/** The imported file's path from the root, or undefined for a package. */
function targetOf(path: string, specifier: string): string | undefined {
  if (specifier.startsWith('#')) return specifier.slice(1);
  if (specifier.startsWith('.')) return posix.join(posix.dirname(path), specifier);
  return undefined;
}

function folderFault(path: string, from: string, to: string, entry: Import): string | undefined {
  if (from === to || from === '' || isUnder(from, ANYTHING)) return undefined;
  if (isUnder(to, ANYTHING)) return `nothing imports ${to}/`;
  if (COMPOSES.test(path)) return to === 'cli' || to === 'agent' ? `the server does not import ${to}/` : undefined;
  if (SERVER_COMMANDS_DOOR.includes(path) && to === 'services/commands') {
    return entry.dynamic ? undefined : 'server-side commands are reached by dynamic import only';
  }
  const allowed = MAY_IMPORT[from] ?? (from.startsWith('services/') ? SERVICE_MAY_IMPORT : []);
  return allowed.includes(to) ? undefined : `${from}/ may not import ${to}/`;
}

function packageFault(from: string, specifier: string): string | undefined {
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  if (from === '' || isUnder(from, ANYTHING)) return undefined;
  const allowed = MAY_IMPORT_PACKAGE[from] ?? MAY_IMPORT_PACKAGE[topOf(from)] ?? [];
  return allowed.includes(name) ? undefined : `${from}/ may not import the package ${name}`;
}

const topOf = (path: string): string => path.split('/')[0] ?? '';

const isUnder = (folder: string, roots: readonly string[]): boolean => roots.includes(topOf(folder));

if (import.meta.main) {
  const root = join(dirname(import.meta.filename), '..');
  const files = readSourceFiles(root);
  const faults = findFaults(files);
  for (const fault of faults) console.error(`${fault.path}:${fault.line}: ${fault.what}`);
  console.log(faults.length === 0 ? `imports: ${files.length} files in order` : `imports: ${faults.length} faults`);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
