import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { freePort } from './programs.ts';
import type { TlsIdentity } from './service-pki.ts';

/** rsyslog's two ways to do TLS: GnuTLS, and OpenSSL. */
export type RsyslogDriver = 'gtls' | 'ossl';

const PROGRAM = '/usr/sbin/rsyslogd';

/** False, and said on the terminal, where there is no rsyslog with that driver. */
export function hasRsyslog(driver: RsyslogDriver): boolean {
  const isThere = existsSync(PROGRAM) && globSync(`/usr/lib/*/rsyslog/lmnsd_${driver}.so`).length > 0;
  const name = driver === 'gtls' ? 'rsyslog-gnutls' : 'rsyslog-openssl';
  if (!isThere) console.warn(`SKIPPED: what a real syslog receiver takes: apt-get install rsyslog ${name}`);
  return isThere;
}

/** A syslog receiver of somebody else's. */
export interface Rsyslog extends AsyncDisposable {
  readonly port: number;
  /** The messages' texts that it wrote to its file, in their order, once there are `count`. */
  readonly written: (count: number) => Promise<readonly string[]>;
}

/** Starts rsyslog on loopback with a directory of its own; resolves when it takes connections. */
export async function startRsyslog(
  driver: RsyslogDriver,
  { identity, ca }: { readonly identity: TlsIdentity; readonly ca: string },
): Promise<Rsyslog> {
  await using undo = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), 'muster-rsyslog-'));
  undo.defer(() => rm(dir, { recursive: true, force: true }));
  const at = (name: string): string => join(dir, name);
  await writeFile(at('ca.pem'), ca);
  await writeFile(at('server.pem'), identity.certificatePem);
  await writeFile(at('server.key'), identity.keyPem, { mode: 0o600 });
  const port = await freePort();
  await writeFile(
    at('rsyslog.conf'),
    `global(workDirectory="${dir}" maxMessageSize="128k" DefaultNetstreamDriverCAFile="${at('ca.pem')}"
  DefaultNetstreamDriverCertFile="${at('server.pem')}" DefaultNetstreamDriverKeyFile="${at('server.key')}")
module(load="imtcp" StreamDriver.Name="${driver}" StreamDriver.Mode="1" StreamDriver.AuthMode="anon")
input(type="imtcp" address="127.0.0.1" port="${port}")
template(name="data" type="string" string="%app-name% %msgid% %structured-data%\\n")
action(type="omfile" file="${at('written')}" template="data")
`,
  );
  const child = spawn(PROGRAM, ['-n', '-f', at('rsyslog.conf'), '-i', at('pid')], { stdio: 'ignore' });
  const ended = once(child, 'close');
  undo.defer(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  await until(() => isListening(port));
  const lines = async (): Promise<readonly string[]> =>
    existsSync(at('written')) ? (await readFile(at('written'), 'utf8')).split('\n').slice(0, -1) : [];
  const running = undo.move();
  return {
    port,
    written: async (count) => {
      await until(async () => (await lines()).length >= count);
      return lines();
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

const TRIES = 600;

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await condition()); tries += 1) {
    if (tries === TRIES) throw new Error('rsyslog did not do it in 30 seconds');
    await pause(50);
  }
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
