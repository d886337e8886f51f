import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

import { describe, expect, test } from 'vitest';

import { openTpm } from '#agent/tpm/device.ts';
import { type DeviceFile, fileChannel } from '#agent/tpm/file-channel.ts';
import { readProperty } from '#agent/tpm/commands.ts';
import { type Bytes, fromHex } from '#core/bytes.ts';
import { PROPERTY } from '#tpm2/commands/capability.ts';
import { canStartSwtpm, startSwtpm } from '#test/lab/swtpm.ts';

const COMMAND = fromHex('80010000000c0000017b0010');
const SUCCESS = fromHex('80010000000a00000000');

/** What the kernel's TPM driver does: a write takes a whole command, the next read gives its whole response. */
class DriverFile implements DeviceFile {
  readonly calls: string[] = [];
  readonly #respond: (command: Bytes) => Bytes;
  #response: Bytes = new Uint8Array();

  constructor(respond: (command: Bytes) => Bytes) {
    this.#respond = respond;
  }

  write(bytes: Uint8Array): Promise<{ bytesWritten: number }> {
    this.calls.push(`write ${bytes.byteLength}`);
    this.#response = this.#respond(bytes);
    return Promise.resolve({ bytesWritten: bytes.byteLength });
  }

  read(buffer: Uint8Array, offset: number, length: number): Promise<{ bytesRead: number }> {
    this.calls.push(`read ${length}`);
    buffer.set(this.#response.subarray(0, length), offset);
    return Promise.resolve({ bytesRead: this.#response.byteLength });
  }

  close(): Promise<void> {
    this.calls.push('close');
    return Promise.resolve();
  }
}

describe('a TPM’s device file', () => {
  test('takes a command in one write and gives its response in one read', async () => {
    const file = new DriverFile(() => SUCCESS);
    const channel = fileChannel('/dev/tpmrm0', file);
    expect(await channel.exchange(COMMAND, 1_000)).toEqual(new Uint8Array(SUCCESS));
    await channel.close();
    expect(file.calls).toEqual(['write 12', 'read 4096', 'close']);
  });

  test.each([
    ['nothing', ''],
    ['less than a header', '80010000000a0000'],
    ['less than the header says', '80010000000c00000000'],
    ['more than the header says', '80010000000a0000000000'],
  ])('fails on %s', async (_what, response) => {
    const channel = fileChannel('/dev/tpmrm0', new DriverFile(() => fromHex(response)));
    await expect(channel.exchange(COMMAND, 1_000)).rejects.toMatchObject({ fault: 'bad-response' });
  });

  test('fails on a driver that takes part of a command', async () => {
    const file = new DriverFile(() => SUCCESS);
    file.write = () => Promise.resolve({ bytesWritten: 4 });
    await expect(fileChannel('/dev/tpmrm0', file).exchange(COMMAND, 1_000)).rejects.toMatchObject({
      fault: 'bad-response',
    });
  });

  test('neither waits for a driver that hangs nor hangs with it on closing', async () => {
    const file = new DriverFile(() => SUCCESS);
    file.read = () => new Promise(() => undefined);
    file.close = () => new Promise(() => undefined);
    const channel = fileChannel('/dev/tpmrm0', file);
    await expect(channel.exchange(COMMAND, 10)).rejects.toMatchObject({ fault: 'timeout' });
    await channel.close();
  });
});

const PYTHON = spawnSync('python3', ['--version']).error === undefined;
if (!PYTHON) console.warn('SKIPPED: a TPM behind a real character device needs python3');

/** A terminal in raw mode whose other end is a software TPM's socket: a character device that answers as a TPM. */
const TERMINAL = `
import os, pty, select, socket, sys, tty
master, slave = pty.openpty()
tty.setraw(slave)
print(os.ttyname(slave), flush=True)
tpm = socket.socket(socket.AF_UNIX); tpm.connect(sys.argv[1])
while True:
    ready, _, _ = select.select([master, tpm], [], [])
    if master in ready: tpm.sendall(os.read(master, 4096))
    if tpm in ready:
        data = tpm.recv(4096)
        if not data: break
        os.write(master, data)
`;

describe.skipIf(!PYTHON || !canStartSwtpm())('a character device', () => {
  test('is read from and written to without a position', async () => {
    await using swtpm = await startSwtpm();
    const terminal: ChildProcess = spawn('python3', ['-c', TERMINAL, swtpm.address.replace('swtpm:unix:', '')]);
    try {
      const [first] = (await once(terminal.stdout ?? terminal, 'data')) as [Buffer];
      await using tpm = await openTpm(first.toString().trim());
      expect(await readProperty(tpm, PROPERTY.manufacturer)).toBe(0x49424d00);
    } finally {
      terminal.kill('SIGKILL');
    }
  });
});
