import { ConversationError, sayAndClose, type TlsPlace } from './confirmed-close.ts';
import { type Delivery, describe, type Destination, renderSome } from './destination.ts';
import { countedOctets, syslogMessage, type SyslogOptions } from './syslog-message.ts';
import type { ReadTlsFiles } from './tls-files.ts';

export interface SyslogDestinationOptions extends TlsPlace {
  readonly name: string;
  readonly message: SyslogOptions;
  readonly readTls: ReadTlsFiles;
  /** For one delivery, from the connection's begin to the receiver's confirmation. */
  readonly timeoutMs: number;
}

/** Syslog over TLS (RFC 5425). Each delivery is a connection of its own, whose orderly end is the receiver's confirmation. */
export function syslogDestination(options: SyslogDestinationOptions): Destination {
  const { name, host, port, message, readTls, timeoutMs } = options;
  return {
    name,
    kind: 'syslog',
    place: `${host}:${port}`,
    deliver: async (records, stop): Promise<Delivery> => {
      const files = await readTls().catch((error: unknown) => describe(error));
      if (typeof files === 'string') return { ok: false, kind: 'files', detail: files };
      const frames = renderSome(records, (record) => countedOctets(syslogMessage(record, message)));
      try {
        const signal = AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)]);
        await sayAndClose(options, files, Buffer.concat(frames), signal);
        return { ok: true, records: frames.length };
      } catch (error) {
        if (!(error instanceof ConversationError)) throw error;
        return { ok: false, kind: error.connected ? 'unconfirmed' : 'unreachable', detail: error.message };
      }
    },
    [Symbol.dispose]: () => undefined,
  };
}
