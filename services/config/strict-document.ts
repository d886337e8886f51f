import { readFile } from 'node:fs/promises';

import { parseDocument } from 'yaml';
import type { z } from 'zod';

/** What is wrong with a file or with the environment: every problem at once, each with the place it is in. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(source: string, problems: readonly string[]) {
    super(`${source}: ${problems.join('; ')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** Bytes that one of the service's own files may have. */
const FILE_MAX_BYTES = 4_194_304;

/** The file at `path`, checked by `schema`. Rejects with ConfigError: unreadable, not plain YAML, or every member that is wrong. */
export async function readDocument<T>(path: string, schema: z.ZodType<T>): Promise<T> {
  return parseDocumentText(await readTextFile(path), path, schema);
}

/** `text`, which stands or will stand at `path`, checked by `schema`. Throws ConfigError. */
export function parseDocumentText<T>(text: string, path: string, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(parseStrictYaml(text, path), { reportInput: false });
  if (parsed.success) return parsed.data;
  throw new ConfigError(path, parsed.error.issues.flatMap(describeIssue));
}

/** The text of the file at `path`. Rejects with ConfigError when it cannot be read, is too large, or is not UTF-8. */
export async function readTextFile(path: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new ConfigError(path, [error instanceof Error ? error.message : 'cannot be read']);
  }
  if (bytes.byteLength > FILE_MAX_BYTES) throw new ConfigError(path, [`over ${FILE_MAX_BYTES} bytes`]);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ConfigError(path, ['not UTF-8']);
  }
}

/** One line per wrong member: its path in the file and what was expected. Never the value: it may be a secret in the wrong place. */
export function describeIssue(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => `${[...issue.path, key].join('.')}: unknown member`);
  }
  return [`${issue.path.join('.') || '(file)'}: ${issue.message}`];
}

/**
 * The value of one YAML 1.2 document of plain data. Refused: a second document, a duplicate key, a key that is no plain string, an alias,
 * a tag that is not in the core schema, and anything that the parser only warns about.
 */
function parseStrictYaml(text: string, path: string): unknown {
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    strict: true,
    uniqueKeys: true,
    // Without it `0:` and `"0":` are two keys here and one member of the value, and the later one counts.
    stringKeys: true,
    merge: false,
  });
  const problems = [...document.errors, ...document.warnings].map((problem) => problem.message.split('\n', 1)[0] ?? '');
  if (problems.length > 0) throw new ConfigError(path, problems);
  try {
    const value: unknown = document.toJS({ maxAliasCount: 0 });
    return value;
  } catch (error) {
    throw new ConfigError(path, [error instanceof Error ? error.message : 'not plain data']);
  }
}
