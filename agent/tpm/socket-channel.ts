import { once } from 'node:events';
import { connect, type NetConnectOpts, type Socket } from 'node:net';

import { type Bytes, concatBytes } from '#core/bytes.ts';

import { type Channel, RESPONSE_HEADER_SIZE, responseSize } from './channel.ts';
import { deviceErrorOf, TpmDeviceError } from './device-error.ts';

/** Connects to the data socket of a software TPM; `name` is for messages. Throws TpmDeviceError. */
export async function openSocketChannel(
  name: string,
  where: NetConnectOpts,
  connectTimeoutMs: number,
): Promise<Channel> {
  const socket = connect(where);
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(connectTimeoutMs) });
  } catch (cause) {
    socket.destroy();
    throw deviceErrorOf(name, cause);
  }
  // Errors are met where a command waits for its answer; without a listener one between commands would end the process.
  socket.on('error', () => undefined);
  return {
    exchange: (command, timeoutMs) => exchange(name, socket, command, timeoutMs),
    async close() {
      if (socket.closed) return;
      const closed = once(socket, 'close');
      socket.destroy();
      await closed;
    },
  };
}

/** A stream has no message boundaries: the response ends where its header says. More bytes than that are not ours to interpret. */
function exchange(name: string, socket: Socket, command: Bytes, timeoutMs: number): Promise<Bytes> {
  return new Promise((resolve, reject) => {
    let received: Bytes = new Uint8Array();

    const settle = (action: () => void): void => {
      clearTimeout(timer);
      socket.off('data', onData).off('close', onClose);
      action();
    };
    const fail = (error: TpmDeviceError): void =>
      settle(() => {
        socket.destroy();
        reject(error);
      });
    const onClose = (): void => fail(new TpmDeviceError('closed', `the TPM at ${name} closed the connection`));
    const onData = (chunk: Bytes): void => {
      received = concatBytes(received, chunk);
      if (received.byteLength < RESPONSE_HEADER_SIZE) return;
      try {
        const size = responseSize(received);
        if (received.byteLength > size)
          throw new TpmDeviceError('bad-response', `the TPM at ${name} sent more than one response`);
        if (received.byteLength === size) settle(() => resolve(received));
      } catch (error) {
        fail(error instanceof TpmDeviceError ? error : deviceErrorOf(name, error));
      }
    };
    const timer = setTimeout(
      () => fail(new TpmDeviceError('timeout', `the TPM at ${name} did not answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    if (socket.destroyed) return onClose();
    socket.on('data', onData).once('close', onClose);
    socket.write(command);
  });
}
