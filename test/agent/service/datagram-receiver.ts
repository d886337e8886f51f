import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** True where this machine has what the tests of notification need: Python for the receiver, and systemd-notify. */
export const canReceive = (): boolean =>
  spawnSync('python3', ['--version']).status === 0 && spawnSync('systemd-notify', ['--version']).status === 0;

/** A real socket of the kind that systemd listens on, and what has arrived there. */
export interface DatagramReceiver extends AsyncDisposable {
  readonly messages: readonly string[];
  /** Resolves when a message that has `text` in it is there. */
  arrived(text: string): Promise<void>;
}

/** Binds `address`: a path, or `@` and a name in the abstract name space. */
export async function receiveDatagrams(address: string): Promise<DatagramReceiver> {
  const child = spawn('python3', [join(import.meta.dirname, 'receive-datagrams.py'), address], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const messages: string[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line !== 'BARRIER=1') messages.push(line);
    for (const look of waiting) look();
  });
  const arrived = (text: string): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!messages.some((message) => message.includes(text))) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  await arrived('bound');
  messages.length = 0;
  return {
    messages,
    arrived,
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'close');
      child.kill('SIGKILL');
      await ended;
    },
  };
}
