import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

import { z } from 'zod';

const ANSWER_WITHIN_MS = 60_000;
const READ_BYTES = 48_000;

/** The laboratory's hand inside a machine: QEMU's guest agent, over a virtual serial port. */
export interface GuestAgent extends Disposable {
  /** A file of the machine, whole. */
  readFile(path: string): Promise<Buffer>;
  /** Runs a program as root and gives its standard output; rejects when its exit code is not 0. */
  run(path: string, ...args: readonly string[]): Promise<string>;
  /** Sets the machine's clock. */
  setTime(at: Date): Promise<void>;
  /** Restarts in the order that an operating system does. There is no answer. */
  restart(): void;
}

const answerSchema = z.looseObject({
  return: z.unknown().optional(),
  error: z.looseObject({ desc: z.string() }).optional(),
});
const readSchema = z.looseObject({ 'buf-b64': z.string(), eof: z.boolean() });
const startedSchema = z.looseObject({ pid: z.int() });
const statusSchema = z.looseObject({
  exited: z.boolean(),
  exitcode: z.int().optional(),
  'out-data': z.string().optional(),
  'err-data': z.string().optional(),
});

const decode = (base64 = ''): string => Buffer.from(base64, 'base64').toString('utf8');

/** Connects to the agent behind `socketPath`; resolves when it answers. */
export async function openGuestAgent(socketPath: string): Promise<GuestAgent> {
  const socket = connect(socketPath);
  await once(socket, 'connect');
  const call = caller(socket);
  try {
    await call('guest-ping', {});
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return {
    async readFile(path) {
      const handle = z.int().parse(await call('guest-file-open', { path, mode: 'r' }));
      const chunks: Buffer[] = [];
      for (;;) {
        const chunk = readSchema.parse(await call('guest-file-read', { handle, count: READ_BYTES }));
        chunks.push(Buffer.from(chunk['buf-b64'], 'base64'));
        if (chunk.eof) break;
      }
      await call('guest-file-close', { handle });
      return Buffer.concat(chunks);
    },
    async run(path, ...args) {
      const { pid } = startedSchema.parse(await call('guest-exec', { path, arg: args, 'capture-output': true }));
      for (;;) {
        const status = statusSchema.parse(await call('guest-exec-status', { pid }));
        if (status.exited && status.exitcode === 0) return decode(status['out-data']);
        if (status.exited) {
          const why = `exit code ${status.exitcode ?? 'none'}: ${decode(status['err-data'])}`;
          throw new Error(`${path} in the machine: ${why}`);
        }
        await delay(50);
      }
    },
    async setTime(at) {
      await call('guest-set-time', { time: at.getTime() * 1_000_000 });
    },
    restart() {
      socket.end(`${JSON.stringify({ execute: 'guest-shutdown', arguments: { mode: 'reboot' } })}\n`);
    },
    [Symbol.dispose]: () => socket.destroySoon(),
  };
}

/** One call at a time, answered in order. */
function caller(socket: Socket) {
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  return async (command: string, args: object): Promise<unknown> => {
    socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    const late = setTimeout(() => socket.destroy(new Error(`${command}: no answer`)), ANSWER_WITHIN_MS);
    const next = await lines.next().finally(() => clearTimeout(late));
    if (next.done === true) throw new Error(`${command}: the connection ended`);
    const answer = answerSchema.parse(JSON.parse(next.value));
    if (answer.error !== undefined) throw new Error(`${command}: ${answer.error.desc}`);
    return answer.return;
  };
}
