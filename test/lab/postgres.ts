import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { Client } from 'pg';

import { clientConfig, type PostgresPlace } from '#services/store/postgres/connection-options.ts';

import { labNodeCa } from './node-ca.ts';
import { freePort } from './programs.ts';
import { certificatePem, labServerIdentity } from './service-pki.ts';

const PASSWORD = 'a password of the laboratory';
const READY_WITHIN_MS = 60_000;

/** The folder of `initdb` and `postgres`; undefined where PostgreSQL is not installed. */
export function postgresPrograms(): string | undefined {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).toSorted((a, b) => Number(b) - Number(a)) : [];
  return versions.map((version) => join(root, version, 'bin')).find((bin) => existsSync(join(bin, 'postgres')));
}

/** A PostgreSQL server of our own, on loopback with TLS, in a folder that goes with it. */
export interface LabPostgres extends AsyncDisposable {
  /** A new, empty database in it. */
  createDatabase(name: string): Promise<PostgresPlace>;
  /** As its superuser, past everything that guards the store. */
  query(place: PostgresPlace, sql: string, values?: unknown[]): Promise<void>;
  /** The process that all others of the server descend from; it changes with each start. */
  readonly pid: () => number;
  /** False once it ended, asked to or not. */
  readonly isRunning: () => boolean;
  /** Ends it as a crash would, and starts it again. */
  crashAndRestart(): Promise<void>;
  /** The paths of the role's password and of the CA, for a configuration file. */
  writeClientFiles(): Promise<{ readonly password: string; readonly ca: string }>;
  /** Starts it again as a standby without a primary: it recovers, and only reads. */
  becomeStandby(): Promise<void>;
  promote(): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** PostgreSQL does not run as root: it gets its own user then. */
function serverUser(): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' })));
  return { ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) };
}

export interface PostgresOptions {
  /** Where its folder is made: on a small disk, for instance. */
  readonly under?: string;
  /** Settings of the server beside those that the laboratory needs. */
  readonly settings?: Readonly<Record<string, string>>;
}

export async function startPostgres(bin: string, options: PostgresOptions = {}): Promise<LabPostgres> {
  const { under = tmpdir() } = options;
  const user = serverUser();
  const folder = mkdtempSync(join(under, 'muster-postgres-'));
  const give = (path: string): void => {
    if (user.uid !== undefined) chownSync(path, user.uid, user.gid ?? user.uid);
  };
  const { management } = await labNodeCa({ now: new Date() });
  const tls = await labServerIdentity(management);
  const files = {
    cert: join(folder, 'server.pem'),
    key: join(folder, 'server.key'),
    password: join(folder, 'password'),
  };
  writeFileSync(files.cert, tls.certificatePem);
  writeFileSync(files.key, tls.keyPem, { mode: 0o600 });
  writeFileSync(files.password, PASSWORD, { mode: 0o600 });
  mkdirSync(join(folder, 'sockets'));
  for (const path of [folder, join(folder, 'sockets'), ...Object.values(files)]) give(path);
  chmodSync(folder, 0o700);
  const data = join(folder, 'data');
  const args = [
    '-D',
    data,
    '-U',
    'muster',
    '-A',
    'scram-sha-256',
    `--pwfile=${files.password}`,
    '-E',
    'UTF8',
    '--no-sync',
  ];
  execFileSync(join(bin, 'initdb'), [...args, '--locale=C.UTF-8'], { ...user, stdio: 'pipe', cwd: folder });

  const port = await freePort();
  const ca = certificatePem(management.certificate);
  const place = (database: string): PostgresPlace => ({
    host: '127.0.0.1',
    port,
    database,
    user: 'muster',
    password: PASSWORD,
    tls: { ca },
  });
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: join(folder, 'sockets'),
    ssl: 'on',
    ssl_cert_file: files.cert,
    ssl_key_file: files.key,
    max_connections: 60,
    ...options.settings,
  };
  let server: ChildProcess | undefined;
  const clientFolders: string[] = [];
  /** One kept for each database; a new one after the server was away. */
  const clients = new Map<string, Client>();
  const start = async (): Promise<void> => {
    const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    server = spawn(join(bin, 'postgres'), ['-D', data, ...options], { ...user, stdio: 'ignore', cwd: folder });
    await untilReady(place('postgres'));
  };
  const end = async (signal: 'SIGINT' | 'SIGQUIT'): Promise<void> => {
    const running = server;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    clients.clear();
    const ended = once(running, 'exit');
    running.kill(signal);
    await ended;
  };
  await start();
  const query = async (at: PostgresPlace, sql: string, values: unknown[] = []): Promise<void> => {
    const client = clients.get(at.database) ?? (await connectTo(at));
    clients.set(at.database, client);
    await (values.length === 0 ? client.query(sql) : client.query(sql, values));
  };
  return {
    createDatabase: async (name) => {
      await query(place('postgres'), `create database ${name}`);
      return place(name);
    },
    query,
    pid: () => server?.pid ?? 0,
    isRunning: () => server !== undefined && server.exitCode === null && server.signalCode === null,
    writeClientFiles: async () => {
      const clientFolder = mkdtempSync(join(tmpdir(), 'muster-postgres-client-'));
      clientFolders.push(clientFolder);
      const paths = { password: join(clientFolder, 'password'), ca: join(clientFolder, 'ca.pem') };
      writeFileSync(paths.password, `${PASSWORD}\n`, { mode: 0o600 });
      writeFileSync(paths.ca, ca);
      return paths;
    },
    stop: () => end('SIGINT'),
    start,
    crashAndRestart: async () => {
      await end('SIGQUIT');
      await start();
    },
    becomeStandby: async () => {
      await end('SIGINT');
      writeFileSync(join(data, 'standby.signal'), '');
      give(join(data, 'standby.signal'));
      await start();
    },
    promote: async () => {
      await query(place('postgres'), 'select pg_promote(true)');
    },
    [Symbol.asyncDispose]: async () => {
      await end('SIGQUIT');
      for (const made of [folder, ...clientFolders]) rmSync(made, { recursive: true });
    },
  };
}

async function connectTo(place: PostgresPlace): Promise<Client> {
  const client = new Client(clientConfig(place));
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

async function untilReady(place: PostgresPlace): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS;
  for (;;) {
    try {
      await (await connectTo(place)).end();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await pause(50);
    }
  }
}
