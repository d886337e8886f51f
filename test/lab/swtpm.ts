import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import type { Bytes } from '#core/bytes.ts';
import { sha256 } from '#core/digest.ts';
import { openTpm, type TpmDevice } from '#agent/tpm/device.ts';
import { readNvIndex } from '#agent/tpm/nv.ts';
import { decodeEvictControl, encodeEvictControl } from '#tpm2/commands/object.ts';
import { decodePcrExtend, encodePcrExtend } from '#tpm2/commands/pcr.ts';

import { freePort } from './programs.ts';
import { readP256EndorsementKey, removeMakerIndex, shutdownTpm, writeMakerIndex } from './swtpm-commands.ts';
import { type SwtpmMaker, swtpmMaker } from './swtpm-maker.ts';

export type SwtpmEkType = 'rsa-2048' | 'p-256' | 'p-384';

/** Where each EK's certificate and, as swtpm_setup leaves it, the key itself are found. */
const EK: Readonly<Record<SwtpmEkType, { readonly certificate: number; readonly persistent?: number }>> = {
  'rsa-2048': { certificate: 0x01c00002, persistent: 0x81010001 },
  'p-256': { certificate: 0x01c0000a },
  'p-384': { certificate: 0x01c00016, persistent: 0x81010016 },
};
const EK_TYPES: readonly SwtpmEkType[] = ['rsa-2048', 'p-256', 'p-384'];

export interface SwtpmOptions {
  /** The EKs that have a certificate. RSA-2048 alone if not given. */
  readonly ekTypes?: readonly SwtpmEkType[];
  /** Whether the RSA-2048 and P-384 EKs are persistent, as swtpm_setup leaves them, or must be made from their template. */
  readonly persistentEk?: boolean;
  /** The PCR banks that are switched on. SHA-256 and SHA-384 if not given. */
  readonly pcrBanks?: readonly ('sha1' | 'sha256' | 'sha384' | 'sha512')[];
  readonly transport?: 'unix' | 'tcp';
  /** Another TPM's maker, so that both chain to one CA. Without it the TPM has its own, which goes when the TPM goes. */
  readonly maker?: SwtpmMaker;
}

/** A software TPM, manufactured and powered on. One client at a time: a second connection waits until the first is closed. */
export interface Swtpm extends AsyncDisposable {
  /** For `openTpm` and an agent's `tpm.device`. */
  readonly address: string;
  /** For tpm2-tools' TPM2TOOLS_TCTI. Only with the `unix` transport. */
  readonly tcti: string;
  /** The maker's CA certificates, root first. */
  readonly caPems: readonly string[];
  /** DER of the EK certificates in NV. */
  readonly ekCertificates: ReadonlyMap<SwtpmEkType, Bytes>;
  /** Measures `data` into a PCR of the SHA-256 bank. */
  extendPcr(pcr: number, data?: Bytes): Promise<void>;
  /** Sends commands of the caller's own, over a connection of their own. */
  using<T>(action: (tpm: TpmDevice) => Promise<T>): Promise<T>;
  /** Off and on again. Orderly, as after TPM2_Shutdown, unless told otherwise. PCRs are back at their initial values. */
  powerCycle(options?: { readonly orderly?: boolean }): Promise<void>;
  /** Powers off and removes every file. */
  stop(): Promise<void>;
}

/** The programs this laboratory needs and does not find. */
export function missingSwtpmTools(): readonly string[] {
  return ['swtpm', 'swtpm_setup', 'swtpm_localca'].filter((tool) => spawnSync(tool, ['--version']).error !== undefined);
}

/** False, and said on the terminal, where tests that need a software TPM must be skipped. */
export function canStartSwtpm(): boolean {
  const missing = missingSwtpmTools();
  if (missing.length > 0)
    console.warn(`SKIPPED: tests that need ${missing.join(', ')}: apt-get install swtpm swtpm-tools`);
  return missing.length === 0;
}

/** Manufactures a TPM with EK certificates and powers it on; about a second. */
export async function startSwtpm(options: SwtpmOptions = {}): Promise<Swtpm> {
  const { ekTypes = ['rsa-2048'], persistentEk = true, transport = 'unix', pcrBanks = ['sha256', 'sha384'] } = options;
  await using undo = new AsyncDisposableStack();
  // A Unix socket's path has at most 107 bytes, so the directory's name is short.
  const dir = await mkdtemp(join(tmpdir(), 'mstpm-'));
  undo.defer(() => rm(dir, { recursive: true, force: true }));
  const maker = options.maker ?? undo.use(await swtpmMaker());
  const state = join(dir, 'state');
  await maker.manufacture(state, pcrBanks);

  const place = transport === 'unix' ? { path: join(dir, 'tpm') } : { port: await freePort() };
  const address = 'path' in place ? `swtpm:unix:${place.path}` : `swtpm:127.0.0.1:${place.port}`;
  let power = await powerOn(state, place);
  undo.defer(() => powerOff(power));
  // A test run that is cut short still leaves nothing behind.
  const onExit = (): void => {
    power.kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  };
  process.once('exit', onExit);
  undo.defer(() => void process.off('exit', onExit));

  const withTpm = async <T>(action: (tpm: TpmDevice) => Promise<T>): Promise<T> => {
    await using tpm = await openTpm(address);
    return await action(tpm);
  };
  const ekCertificates = await withTpm((tpm) => finish(tpm, maker, ekTypes, persistentEk));
  const caPems = await maker.caPems();
  const lifetime = undo.move();
  return {
    address,
    tcti: 'path' in place ? `swtpm:path=${place.path}` : '',
    caPems,
    ekCertificates,
    extendPcr: (pcr, data = Buffer.from('something else')) =>
      withTpm(async (tpm) => {
        const digests = [{ hash: 'sha256', digest: sha256(data) }] as const;
        decodePcrExtend(await tpm.transmit(encodePcrExtend(pcr, digests)));
      }),
    using: withTpm,
    async powerCycle({ orderly = true } = {}) {
      if (orderly) await withTpm(shutdownTpm);
      await powerOff(power);
      power = await powerOn(state, place);
    },
    stop: () => lifetime.disposeAsync(),
    [Symbol.asyncDispose]: () => lifetime.disposeAsync(),
  };
}

/** Adds and removes EKs and certificates until there are those that were asked for. */
async function finish(
  tpm: TpmDevice,
  maker: SwtpmMaker,
  ekTypes: readonly SwtpmEkType[],
  persistentEk: boolean,
): Promise<ReadonlyMap<SwtpmEkType, Bytes>> {
  const certificates = new Map<SwtpmEkType, Bytes>();
  for (const type of EK_TYPES) {
    const { certificate, persistent } = EK[type];
    const wanted = ekTypes.includes(type);
    if (wanted && type === 'p-256') {
      await writeMakerIndex(tpm, certificate, await maker.certifyEcKey('secp256r1', await readP256EndorsementKey(tpm)));
    }
    if (!wanted && type !== 'p-256') await removeMakerIndex(tpm, certificate);
    if (persistent !== undefined && !(wanted && persistentEk)) {
      decodeEvictControl(await tpm.transmit(encodeEvictControl(persistent, persistent)));
    }
    if (wanted) certificates.set(type, (await readNvIndex(tpm, certificate)) ?? new Uint8Array());
  }
  return certificates;
}

type Place = { readonly path: string } | { readonly port: number };

async function powerOn(state: string, place: Place): Promise<ChildProcess> {
  const server =
    'path' in place
      ? ['--server', `type=unixio,path=${place.path}`, '--ctrl', `type=unixio,path=${place.path}.ctrl`]
      : ['--server', `type=tcp,port=${place.port},bindaddr=127.0.0.1`];
  const args = ['socket', '--tpm2', '--tpmstate', `dir=${state}`, ...server, '--flags', 'not-need-init,startup-clear'];
  const child = spawn('swtpm', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  for (let waitedMs = 0; waitedMs < 10_000; waitedMs += 10) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`swtpm did not start: ${said}`);
    if (await answers(place)) return child;
    await delay(10);
  }
  await powerOff(child);
  throw new Error(`swtpm does not listen: ${said}`);
}

async function powerOff(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** True once the data socket takes connections. */
async function answers(place: Place): Promise<boolean> {
  const socket = connect('path' in place ? { path: place.path } : { host: '127.0.0.1', port: place.port });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
