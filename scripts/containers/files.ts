import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

import { parseDocument } from 'yaml';

type Content = string | Uint8Array;

/** Writes a file that is for everyone to read, unless it has this content. By a rename: nobody reads half of it. */
export const writePublic = (file: string, content: Content): void => replace(file, content, 0o644);

/** The same for its owner alone. */
export const writeSecret = (file: string, content: Content): void => replace(file, content, 0o600);

/** Sets members of the YAML file, each named by its path with dots; comments stay. */
export function editYaml(file: string, members: Readonly<Record<string, unknown>>): void {
  const document = parseDocument(readFileSync(file, 'utf8'));
  for (const [path, value] of Object.entries(members)) document.setIn(path.split('.'), document.createNode(value));
  writePublic(file, document.toString({ lineWidth: 0 }));
}

function replace(file: string, content: Content, mode: number): void {
  const bytes = Buffer.from(content);
  if (existsSync(file) && readFileSync(file).equals(bytes)) return;
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.new`;
  const handle = openSync(draft, 'w', mode);
  try {
    writeSync(handle, bytes);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(draft, file);
}
