import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { z } from 'zod';

import type { AuditHead } from '#core/audit-record.ts';
import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { auditHeadSchema } from '#protocol/audit.ts';

/** The heads of audit logs that this command line has verified, by the service's URL. */
const memorySchema = z.strictObject({ auditHeads: z.record(z.string(), auditHeadSchema) });
type Memory = z.output<typeof memorySchema>;

/** Where the heads are kept: beside the context file, so that another administrator's are another file. */
export const memoryFile = (contextFile: string): string => join(dirname(contextFile), 'cli-state.json');

/**
 * The head of `url`'s audit log as this command line last verified it, or undefined if it never did. Throws CommandFailure when the file
 * is there and unreadable: to carry on without it would forget what was seen.
 */
export function recallHead(contextFile: string, url: string): AuditHead | undefined {
  return load(memoryFile(contextFile)).auditHeads[url];
}

/** Remembers `head` as the newest that was verified. The file is replaced whole. */
export function rememberHead(contextFile: string, url: string, head: AuditHead): void {
  const file = memoryFile(contextFile);
  const memory = load(file);
  const next: Memory = { auditHeads: { ...memory.auditHeads, [url]: { ...head } } };
  const draft = `${file}.new`;
  writeFileSync(draft, `${JSON.stringify(next, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(draft, file);
}

function load(file: string): Memory {
  const text = readIfThere(file);
  if (text === undefined) return { auditHeads: {} };
  const parsed = memorySchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new CommandFailure(
    EXIT.configuration,
    `${file} cannot be understood, so the audit log cannot be compared with what was seen before`,
    'Restore it from a backup. Delete it only if you accept that an earlier log may have been replaced.',
  );
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
