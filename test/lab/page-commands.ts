import { readFile } from 'node:fs/promises';

/** Shell commands that a page of the documentation marks as tested. */
export interface PageCommands {
  /** Which machine they are typed on. */
  readonly host: string;
  /** What has happened to the machine before, in the page's words. */
  readonly after: string | undefined;
  readonly exitCode: number;
  readonly script: string;
}

const TESTED =
  /<!-- tested on: (?<host>[a-z0-9-]+)(?:, after: (?<after>[^,]+?))?(?:, exit code (?<code>\d+))? -->\s+```sh\n(?<script>[\s\S]*?)```/g;

/** The tested commands of `page`, in its order. Throws where a mark is not followed by commands: they would go untested. */
export async function pageCommands(page: string): Promise<readonly PageCommands[]> {
  const text = await readFile(page, 'utf8');
  const found = [...text.matchAll(TESTED)].map(({ groups = {} }) => ({
    host: groups['host'] ?? '',
    after: groups['after'],
    exitCode: Number(groups['code'] ?? 0),
    script: groups['script'] ?? '',
  }));
  const marks = text.split('<!-- tested on:').length - 1;
  if (found.length !== marks) throw new Error(`${page}: ${marks} marks, and ${found.length} of them before commands`);
  return found;
}
