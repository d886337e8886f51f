import type { KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { z } from 'zod';

import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { systemRandom } from '#core/random.ts';
import { readPrivateFile } from '#pki/private-file.ts';
import { createLog } from '#services/http/request-log.ts';
import { startAuthorizer } from '#services/kubernetes/authorizer/main.ts';
import { ServiceClient } from '#services/kubernetes/authorizer/service-client.ts';
import { parseSnapshotPublicKey } from '#services/kubernetes/signed-statement.ts';

import { readIdentity, type ServerIdentity } from '../material.ts';
import { readCertificates } from '../read-certificates.ts';
import { nodeVersionFault } from '../node-version.ts';
import { ConfigError, readTextFile } from '#services/config/strict-document.ts';
import { type AuthorizerConfig, loadAuthorizerConfig } from './authorizer-config.ts';
import type { CommandTerminal } from './command-terminal.ts';

const optionsSchema = z.object({ config: z.string().min(1), checkConfig: z.boolean().default(false) });

const IDENTITY_MAX_BYTES = 65_536;

/**
 * Runs the authorization webhook until it is asked to stop. Throws CommandFailure when it cannot start, with every problem of the
 * configuration at once. That the service answers is no condition.
 */
export async function authorizer(options: unknown, terminal: CommandTerminal): Promise<void> {
  const fault = nodeVersionFault(process.version);
  if (fault !== undefined) throw new CommandFailure(EXIT.configuration, fault);
  const { config: file, checkConfig } = optionsSchema.parse(options);
  try {
    const config = await loadAuthorizerConfig(resolve(terminal.workingDirectory, file));
    const material = await readMaterial(config);
    if (checkConfig) {
      terminal.out(`${file} is valid, and so is everything that it names.\n`);
      return;
    }
    await run(config, material, terminal);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new CommandFailure(EXIT.configuration, ['the authorizer cannot start:', ...error.problems].join('\n  '));
  }
}

interface AuthorizerMaterial {
  readonly identity: ServerIdentity;
  readonly clientCa: string;
  readonly snapshotKey: KeyObject;
}

async function run(config: AuthorizerConfig, material: AuthorizerMaterial, terminal: CommandTerminal): Promise<void> {
  const log = createLog(config.log.level);
  const stop = terminal.stopSignal();
  const { service, stateDirectory, listener } = config;
  await mkdir(stateDirectory, { recursive: true, mode: 0o700 });
  using client = new ServiceClient({ url: service.url, caFile: service.ca, identityFile: service.identity });
  await using running = await startAuthorizer({
    knowledge: {
      stateDirectory,
      snapshotKey: material.snapshotKey,
      maxAgeMs: config.maxAgeSeconds * 1_000,
      allowNodeCsr: config.allowNodeCertificateRequests,
    },
    listener: { ...listener, ...material.identity, clientCa: material.clientCa },
    observer: config.observer,
    fetchStatement: (after, signal) => client.fetchStatement(after, signal),
    pause: pauseUnless,
    identityNotAfter: () => client.identityNotAfter,
    now: terminal.now,
    random: systemRandom,
    log,
  });
  const { webhook, observer, knowledge } = running;
  log.info({ webhook, observer, change: knowledge.snapshot?.change }, 'authorizer ready');
  if (!stop.aborted) await once(stop, 'abort');
  log.info({}, 'authorizer stopping');
}

/** The configuration's files, all looked at before any fault is told. */
async function readMaterial(config: AuthorizerConfig): Promise<AuthorizerMaterial> {
  const problems: string[] = [];
  const attempt = async <T>(what: string, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      problems.push(
        error instanceof ConfigError
          ? error.message
          : `${what}: ${error instanceof Error ? error.message : 'cannot be used'}`,
      );
      return undefined;
    }
  };
  const { listener, service } = config;
  const identity = await attempt('listener', () => readIdentity(listener));
  const clientCa = await attempt('listener.clientCa', () => readCertificates(listener.clientCa));
  const snapshotKey = await attempt('snapshotKey', async () =>
    parseSnapshotPublicKey(await readTextFile(config.snapshotKey)),
  );
  await attempt('service.ca', () => readCertificates(service.ca));
  await attempt('service.identity', () => readPrivateFile(service.identity, IDENTITY_MAX_BYTES));
  if (identity === undefined || clientCa === undefined || snapshotKey === undefined || problems.length > 0) {
    throw new ConfigError('cannot start', problems);
  }
  return { identity, clientCa: clientCa.text, snapshotKey };
}

async function pauseUnless(ms: number, stop: AbortSignal): Promise<void> {
  // The only rejection is that of `stop`, and then the pause is over as well.
  await sleep(ms, undefined, { signal: stop }).catch(() => undefined);
}
