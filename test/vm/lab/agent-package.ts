import { appendFile, copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

import { sha256Hex } from '#core/digest.ts';
import { buildAgent } from '#scripts/packages/build-agent.ts';

import { output } from './run.ts';

const ROOT = join(import.meta.dirname, '../../..');

/** The agent's Debian package, to be put into a system's directory. Disposing of it removes what was made for it. */
export interface AgentPackage extends AsyncDisposable {
  /** Changes when the package does. */
  readonly key: string;
  readonly name: string;
  install(tree: string): Promise<void>;
  /** Unpacks it below `folder` and gives the program's path there. */
  unpackProgram(folder: string): Promise<string>;
}

/** The package in `file`; made from the sources here, in half a minute, where there is none. */
export async function agentPackage(file: string | undefined): Promise<AgentPackage> {
  const folder = await mkdtemp(join(tmpdir(), 'muster-deb-'));
  const deb = file ?? (await buildAgent(ROOT, 'x64', folder)).deb;
  return {
    key: sha256Hex(await readFile(deb)),
    name: basename(deb),
    async install(tree) {
      const inside = '/var/cache/muster-agent.deb';
      await copyFile(deb, join(tree, inside));
      await output('chroot', [tree, 'dpkg', '-i', inside]);
      await rm(join(tree, inside));
    },
    async unpackProgram(into) {
      await output('dpkg-deb', ['--extract', deb, into]);
      return join(into, 'usr/bin/muster-agent');
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** What the laboratory adds to the agent's unit: its journal goes to the serial console too. */
export async function journalToConsole(tree: string): Promise<void> {
  const folder = join(tree, 'etc/systemd/system/muster-agent.service.d');
  await mkdir(folder, { recursive: true });
  const output = ['[Service]', 'StandardOutput=journal+console', 'StandardError=journal+console', ''];
  await appendFile(join(folder, 'console.conf'), output.join('\n'));
}
