import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';

import { afterEach, describe, expect, test } from 'vitest';

import { type AnswerStream, sendStream } from '#services/http/answer-stream.ts';

describe('a streamed answer', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  /** Serves `stream` once. Resolves to how it ended, beside the socket that asked for it. */
  async function serve(stream: AnswerStream, stalledMs?: number) {
    const outcome = Promise.withResolvers<string>();
    server = createServer((_, response) => {
      sendStream(response, stream, () => Promise.resolve(true), stalledMs).then(
        () => outcome.resolve('ended'),
        (error: Error) => outcome.resolve(error.message),
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('a TCP listener has an address');
    const socket = connect(address.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    return { outcome: outcome.promise, socket };
  }

  test('is cut off for a reader that takes nothing, and holds no more than its socket does', async () => {
    let written = 0;
    const stream: AnswerStream = {
      contentType: 'text/plain',
      write: async (sink) => {
        while (await sink.write('x'.repeat(65_536))) written += 1;
      },
    };
    const { outcome, socket } = await serve(stream, 50);
    socket.pause();
    expect(await outcome).toBe('ended');
    expect(written).toBeLessThan(200);
    socket.destroy();
  });

  test('ends for a reader that goes away', async () => {
    const { outcome, socket } = await serve({
      contentType: 'text/plain',
      write: async (sink) => {
        await sink.write('first');
        await once(sink.closed, 'abort');
        expect(await sink.write('second')).toBe(false);
      },
    });
    await once(socket, 'data');
    socket.destroy();
    expect(await outcome).toBe('ended');
  });

  test('that fails on its way is cut off so that nobody takes it for the whole', async () => {
    const { outcome, socket } = await serve({
      contentType: 'text/plain',
      write: async (sink) => {
        await sink.write('half');
        throw new Error('failed');
      },
    });
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    await once(socket, 'close');
    expect(await outcome).toBe('failed');
    expect(text).not.toMatch(/\r\n0\r\n\r\n$/);
  });
});
