import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

import { describe, expect, onTestFinished, test } from 'vitest';

import type { Channel } from '#agent/tpm/channel.ts';
import { isTpmAddress, openTpm, tpmOver } from '#agent/tpm/device.ts';
import { TpmDeviceError } from '#agent/tpm/device-error.ts';
import { type Bytes, fromHex } from '#core/bytes.ts';

const COMMAND = fromHex('80010000000c0000017b0010');
const SUCCESS = fromHex('80010000000a00000000');
const responding = (rc: string): Bytes => fromHex(`80010000000a${rc}`);

/** A channel that answers from a list, and remembers what it was sent. */
function scriptedChannel(answers: readonly (Bytes | TpmDeviceError)[]): Channel & { sent: Bytes[]; closed: number } {
  const left = [...answers];
  const channel = {
    sent: [] as Bytes[],
    closed: 0,
    exchange: (command: Bytes) => {
      channel.sent.push(command);
      const next = left.shift() ?? SUCCESS;
      return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
    },
    close: () => {
      channel.closed += 1;
      return Promise.resolve();
    },
  };
  return channel;
}

describe('TPM addresses', () => {
  test.each(['/dev/tpmrm0', 'swtpm:unix:/run/tpm', 'swtpm:127.0.0.1:2321', 'swtpm:localhost:2321', 'swtpm:[::1]:2321'])(
    'takes %s',
    (address) => expect(isTpmAddress(address)).toBe(true),
  );

  test.each(['', 'tpmrm0', 'swtpm:unix:relative', 'swtpm:host', 'swtpm:host:0', 'swtpm:host:65536', 'swtpm:::1:2321'])(
    'does not take "%s"',
    async (address) => {
      expect(isTpmAddress(address)).toBe(false);
      await expect(openTpm(address)).rejects.toMatchObject({ fault: 'address-invalid' });
    },
  );

  test('says that a device is not there', async () => {
    await expect(openTpm('/dev/does-not-exist')).rejects.toMatchObject({ fault: 'not-found' });
    await expect(openTpm('swtpm:unix:/tmp/does-not-exist')).rejects.toMatchObject({ fault: 'not-found' });
  });
});

describe('a TPM that says "come back later"', () => {
  const waits = () => {
    const slept: number[] = [];
    return { slept, sleep: (ms: number) => Promise.resolve(void slept.push(ms)) };
  };

  test.each([
    ['YIELDED', '00000908'],
    ['TESTING', '0000090a'],
    ['RETRY', '00000922'],
  ])('is asked again after TPM_RC_%s, with growing pauses', async (_name, rc) => {
    const { slept, sleep } = waits();
    const channel = scriptedChannel([responding(rc), responding(rc), responding(rc), SUCCESS]);
    await using tpm = tpmOver(channel, { sleep });
    expect(await tpm.transmit(COMMAND)).toEqual(SUCCESS);
    expect(channel.sent).toEqual([COMMAND, COMMAND, COMMAND, COMMAND]);
    expect(slept).toEqual([10, 20, 40]);
  });

  test.each([
    ['OBJECT_MEMORY', '00000902'],
    ['LOCKOUT', '00000921'],
    ['INTEGRITY', '000001df'],
  ])('is not asked again after TPM_RC_%s', async (_name, rc) => {
    const channel = scriptedChannel([responding(rc)]);
    await using tpm = tpmOver(channel, { sleep: waits().sleep });
    expect(await tpm.transmit(COMMAND)).toEqual(responding(rc));
    expect(channel.sent).toHaveLength(1);
  });

  test('is given up after the time allowed, with its last response', async () => {
    const channel = scriptedChannel(Array.from({ length: 1_000 }, () => responding('00000922')));
    const { slept, sleep } = waits();
    await using tpm = tpmOver(channel, { sleep, retryForMs: 5_000 });
    expect(await tpm.transmit(COMMAND)).toEqual(responding('00000922'));
    const total = slept.reduce((sum, ms) => sum + ms, 0);
    expect(total).toBeGreaterThanOrEqual(5_000);
    expect(total).toBeLessThanOrEqual(6_000);
  });
});

describe('a TPM device', () => {
  test('has one command under way at a time', async () => {
    let underWay = 0;
    let most = 0;
    const channel: Channel = {
      async exchange() {
        underWay += 1;
        most = Math.max(most, underWay);
        await Promise.resolve();
        underWay -= 1;
        return SUCCESS;
      },
      close: () => Promise.resolve(),
    };
    await using tpm = tpmOver(channel);
    await Promise.all(Array.from({ length: 20 }, () => tpm.transmit(COMMAND)));
    expect(most).toBe(1);
  });

  test('is not used again after a failure, for a late response would answer the next command', async () => {
    const channel = scriptedChannel([new TpmDeviceError('timeout', 'no answer'), SUCCESS]);
    await using tpm = tpmOver(channel);
    await expect(tpm.transmit(COMMAND)).rejects.toMatchObject({ fault: 'timeout' });
    await expect(tpm.transmit(COMMAND)).rejects.toMatchObject({ fault: 'timeout' });
    expect(channel.sent).toHaveLength(1);
  });

  test('refuses commands once it is closed', async () => {
    const channel = scriptedChannel([]);
    const tpm = tpmOver(channel);
    await tpm[Symbol.asyncDispose]();
    await expect(tpm.transmit(COMMAND)).rejects.toMatchObject({ fault: 'closed' });
    expect(channel.closed).toBe(1);
  });

  test('does not send a command that no driver takes', async () => {
    await using tpm = tpmOver(scriptedChannel([]));
    expect(() => tpm.transmit(new Uint8Array(9))).toThrow(RangeError);
    expect(() => tpm.transmit(new Uint8Array(4_097))).toThrow(RangeError);
  });
});

describe('a software TPM’s socket', () => {
  async function listening(onCommand: (socket: Socket) => void): Promise<string> {
    const server = createServer(
      (socket) => void socket.on('data', () => onCommand(socket)).on('error', () => undefined),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const address = server.address();
    return `swtpm:127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  }

  test('gives a response that arrives byte by byte', async () => {
    const address = await listening((socket) => {
      for (const byte of SUCCESS) socket.write(Uint8Array.of(byte));
    });
    await using tpm = await openTpm(address);
    expect(await tpm.transmit(COMMAND)).toEqual(Buffer.from(SUCCESS));
    expect(await tpm.transmit(COMMAND)).toEqual(Buffer.from(SUCCESS));
  });

  test.each([
    ['more bytes than the header says', '80010000000a0000000000', 'bad-response'],
    ['a size below a header', '80010000000900000000', 'bad-response'],
    ['a size above what a driver carries', '80010000100100000000', 'bad-response'],
  ])('fails on %s', async (_what, response, fault) => {
    await using tpm = await openTpm(await listening((socket) => socket.write(fromHex(response))));
    await expect(tpm.transmit(COMMAND)).rejects.toMatchObject({ fault });
  });

  test('fails when the connection ends in mid-response', async () => {
    await using tpm = await openTpm(await listening((socket) => socket.end(SUCCESS.subarray(0, 7))));
    await expect(tpm.transmit(COMMAND)).rejects.toMatchObject({ fault: 'closed' });
    await expect(tpm.transmit(COMMAND)).rejects.toMatchObject({ fault: 'closed' });
  });

  test('fails when no response comes in time', async () => {
    await using tpm = await openTpm(await listening(() => undefined), { commandTimeoutMs: 20 });
    await expect(tpm.transmit(COMMAND)).rejects.toMatchObject({ fault: 'timeout' });
  });
});
