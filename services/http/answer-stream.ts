import type { ServerResponse } from 'node:http';

/** An answer that is written piece by piece, for as long as its reader takes it. */
export interface AnswerStream {
  readonly contentType: string;
  /** For a reader that saves it; undefined where it is not a file. */
  readonly fileName?: string | undefined;
  /** Writes it all. The answer is complete when the promise resolves, and cut off visibly when it rejects. */
  readonly write: (sink: StreamSink) => Promise<void>;
}

export interface StreamSink {
  /** Resolves when there is room for more: to false once nobody reads any more, or nobody took anything for `STALLED_MS`. */
  readonly write: (text: string) => Promise<boolean>;
  /** Aborts when the connection is gone. */
  readonly closed: AbortSignal;
  /** Whether the caller may still have what it asked for; asked anew each time. */
  readonly isPermitted: () => Promise<boolean>;
}

/** A reader that takes nothing for this long is cut off: what it does not take stays in this process's memory. */
export const STALLED_MS = 10_000;

/** Writes the stream as the response. Resolves when it ended, whichever side ended it. Rejects with what the stream rejects with. */
export async function sendStream(
  response: ServerResponse,
  stream: AnswerStream,
  isPermitted: StreamSink['isPermitted'],
  stalledMs = STALLED_MS,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  response.statusCode = 200;
  response.setHeader('Content-Type', stream.contentType);
  if (stream.fileName !== undefined) {
    response.setHeader('Content-Disposition', `attachment; filename="${stream.fileName}"`);
  }
  response.flushHeaders();
  const write = async (text: string): Promise<boolean> => {
    if (gone.signal.aborted) return false;
    if (response.write(text)) return true;
    return drained(response, gone.signal, stalledMs);
  };
  try {
    await stream.write({ write, closed: gone.signal, isPermitted });
    response.end();
  } catch (error) {
    // Not `end`: the reader would take what it has for the whole.
    response.destroy();
    throw error;
  }
}

/** True when the response's buffer was taken, false when that took too long (the connection is cut then) or the connection is gone. */
function drained(response: ServerResponse, gone: AbortSignal, stalledMs: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const stalled = setTimeout(() => response.destroy(), stalledMs);
  const end = (isDrained: boolean) => () => {
    clearTimeout(stalled);
    resolve(isDrained);
  };
  response.once('drain', end(true));
  gone.addEventListener('abort', end(false), { once: true });
  return promise;
}
