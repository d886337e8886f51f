/*
 * Installs a credential, and a kubeconfig after it, and kills itself before (or after) the file operation whose number it is given:
 *   node kill-during-install.ts <directory> <pem file> <operation number>
 * Prints how many operations there were if it lives to the end.
 */
import * as nodeFs from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

import { type FileOperations, replaceFile } from '#agent/atomic-file.ts';
import { installCredential } from '#agent/credential.ts';
import { systemRandom } from '#core/random.ts';

const [directory = '', pemFile = '', last = ''] = process.argv.slice(2);
const pem = await nodeFs.readFile(pemFile, 'utf8');
let operations = 0;

function step(): void {
  if (operations === Number(last)) process.kill(process.pid, 'SIGKILL');
  operations += 1;
}

/** The half of a file that a machine may have written when its power goes. */
async function writeInHalves(handle: FileHandle, text: string): Promise<void> {
  step();
  await handle.write(text.slice(0, text.length / 2));
  step();
  await handle.write(text.slice(text.length / 2));
}

const watchedHandle = (handle: FileHandle): FileHandle =>
  new Proxy(handle, {
    get(target, property) {
      if (property === 'writeFile') return (text: string) => writeInHalves(target, text);
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]): unknown => {
        step();
        return Reflect.apply(member, target, args);
      };
    },
  });

const fs: FileOperations = {
  ...nodeFs,
  open: async (...args) => {
    step();
    return watchedHandle(await nodeFs.open(...args));
  },
  rename: async (...args) => {
    step();
    await nodeFs.rename(...args);
    step();
  },
  mkdir: ((...args: Parameters<typeof nodeFs.mkdir>) => {
    step();
    return nodeFs.mkdir(...args);
  }) as FileOperations['mkdir'],
};

const [chainPem = '', keyPem = ''] = pem.split(/(?=-----BEGIN PRIVATE KEY)/);
const deps = { random: systemRandom, fs };
const file = await installCredential(join(directory, 'credential'), { chainPem, keyPem }, deps);
await replaceFile(join(directory, 'kubelet.conf'), `credential: ${file}\n`, deps);
process.stdout.write(String(operations));
