import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { systemClock } from '#core/clock.ts';
import { localSigner } from '#pki/signer-file.ts';
import { createIssuingCa, createRootCa } from '#pki/ca-certificates.ts';
import { systemRandom } from '#core/random.ts';
import { openSqliteStore } from '#services/store/sqlite/sqlite-store.ts';

import { type LabClient, labClient } from './https-client.ts';
import { enrol, PCRS, referenceValuesOf } from './join-lab.ts';
import { labKey } from './node-ca.ts';
import { certificatePem, labServerIdentity } from './service-pki.ts';
import type { LabTpm } from './software-tpm.ts';

/** The service in a process of its own, over one folder that outlives it. */
export interface MortalService extends AsyncDisposable {
  readonly databaseFile: string;
  /** Starts a process; a client of its node listener. */
  readonly start: () => Promise<LabClient>;
  /** Makes the running process die when a join next passes `point`. */
  readonly arm: (point: string) => void;
  /** kill -9, from outside. */
  readonly kill: () => void;
  /** Resolves when the process is gone. */
  readonly gone: () => Promise<void>;
  /** SHA-256 of the to-be-signed bytes of every signature that was made, by whichever process. */
  readonly signatures: () => readonly string[];
}

const PROGRAM = join(import.meta.dirname, 'kill-service.ts');

export interface MortalOptions {
  /** PEM of the makers whose TPMs the pool takes without enrolment; the laboratory's TPM is then not enrolled. */
  readonly endorsedBy?: string;
}

export async function mortalService(tpm: LabTpm, { endorsedBy }: MortalOptions = {}): Promise<MortalService> {
  const folder = mkdtempSync(join(tmpdir(), 'muster-mortal-'));
  const databaseFile = join(folder, 'data', 'muster.db');
  mkdirSync(join(folder, 'data'), { mode: 0o700 });
  const caPem = await writeFiles(folder, tpm, endorsedBy);
  if (endorsedBy === undefined) {
    await using store = await openSqliteStore({ path: databaseFile });
    await enrol(store, tpm);
  }
  let child: ChildProcess | undefined;
  let client: LabClient | undefined;
  const gone = async (): Promise<void> => {
    client?.[Symbol.dispose]();
    if (child !== undefined && child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  };
  return {
    databaseFile,
    start: async () => {
      child = spawn(process.execPath, [PROGRAM, folder], { stdio: ['pipe', 'pipe', 'inherit'] });
      const { node } = await firstLine(child);
      client = labClient({ ...node, ca: caPem });
      return client;
    },
    arm: (point) => child?.stdin?.write(`${point}\n`),
    kill: () => child?.kill('SIGKILL'),
    gone,
    signatures: () =>
      readIfThere(join(folder, 'signatures.log'))
        .split('\n')
        .filter((line) => line !== ''),
    [Symbol.asyncDispose]: async () => {
      child?.kill('SIGKILL');
      await gone();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function firstLine(child: ChildProcess): Promise<{ node: { host: string; port: number } }> {
  if (child.stdout === null) throw new Error('standard output is a pipe');
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`the service did not start: ${String(code)}`);
  });
  const [line] = (await Promise.race([once(createInterface({ input: child.stdout }), 'line'), exited])) as [string];
  exited.catch(() => undefined);
  return JSON.parse(line) as { node: { host: string; port: number } };
}

/** Writes the folder's files; resolves to the PEM of the CA that issued the service's certificate. */
async function writeFiles(folder: string, tpm: LabTpm, endorsedBy: string | undefined): Promise<string> {
  const context = { now: systemClock(), random: systemRandom };
  const plan = (commonName: string, lifetimeDays: number) => ({ organization: 'Lab', commonName, lifetimeDays });
  const issuingKey = labKey();
  const root = await createRootCa('node-root-ca', plan('Lab root', 3_650), localSigner(labKey()), context);
  const issuing = await createIssuingCa(plan('Lab issuing', 730), localSigner(issuingKey), root, context);
  const management = await createRootCa('management-ca', plan('Lab management', 3_650), localSigner(labKey()), context);
  const server = await labServerIdentity(management);
  const managementPem = certificatePem(management.certificate);
  const files = {
    'server.pem': server.certificatePem,
    'server.key': server.keyPem,
    'management.pem': managementPem,
    'chain.pem': certificatePem(issuing.certificate) + certificatePem(root.certificate),
    'issuing.key': issuingKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    'administrators.yaml': 'apiVersion: muster/v1\nkind: Administrators\nadministrators: []\n',
    'policy.yaml': JSON.stringify(policy(endorsedBy === undefined ? ENROLLED : ENDORSED)),
    ...(endorsedBy === undefined ? {} : { 'makers.pem': endorsedBy }),
    'now.yaml': JSON.stringify(referenceValuesOf(tpm)),
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content, { mode: 0o600 });
  return managementPem;
}

const ENROLLED = { tpm2: { allowEkWithoutCertificate: true } };
const ENDORSED = { admission: 'endorsed', newNodesPerHour: 1_000, tpm2: { ekAnchors: ['makers.pem'] } };

const policy = ({ tpm2, ...pool }: typeof ENROLLED | typeof ENDORSED) => ({
  apiVersion: 'muster/v1',
  kind: 'Policy',
  pools: {
    general: {
      protectionRating: 'default',
      segments: ['127.0.0.0/8'],
      ...pool,
      tpm2: { pcrs: PCRS, referenceValues: ['now.yaml'], ...tpm2 },
    },
  },
});

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
