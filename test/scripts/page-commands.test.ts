import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { pageCommands } from '#test/lab/page-commands.ts';

describe('the tested commands of a page', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muster-page-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function commandsOf(text: string) {
    const page = join(folder, 'page.md');
    await writeFile(page, text);
    return pageCommands(page);
  }

  test('are those behind a mark, with what it says of them', async () => {
    const text = `<!-- tested on: worker-3, after: boots kernel-2, exit code 77 -->

\`\`\`sh
muster-agent join
\`\`\`

\`\`\`sh
not tested
\`\`\`
`;
    expect(await commandsOf(text)).toEqual([
      { host: 'worker-3', after: 'boots kernel-2', exitCode: 77, script: 'muster-agent join\n' },
    ]);
  });

  test.each([
    ['without commands behind it', '<!-- tested on: service -->\n\nNothing to type.\n'],
    ['that is misspelt', '<!-- tested on: service, exitcode 1 -->\n\n```sh\ntrue\n```\n'],
  ])('are never fewer than its marks: one %s is an error', async (_, text) => {
    await expect(commandsOf(text)).rejects.toThrow('1 marks, and 0 of them before commands');
  });
});
