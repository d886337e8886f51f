import { resolve } from 'node:path';

import { z } from 'zod';

import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { PrivateFileError, readPrivateFile } from '#pki/private-file.ts';
import { loadServerConfig, readEnvironment, type ServerConfig } from '#services/config/config.ts';
import { ConfigError, readTextFile } from '#services/config/strict-document.ts';

import type { CommandTerminal } from '../command-terminal.ts';
import { askPage, type HealthPlace, onThisHost, type Page } from './health-pages.ts';

const optionsSchema = z.object({
  config: z.string().min(1).optional(),
  identity: z.string().min(1).optional(),
  live: z.boolean().default(false),
});

/** What a running service says of itself. */
export interface ServiceStatus {
  readonly live: boolean;
  /** Whether callers may be sent to it; undefined where that was not asked. */
  readonly ready?: boolean;
  /** What is not as it should be, a line each; undefined where the page that was asked gives no reasons. A ready service can have some. */
  readonly reasons?: readonly string[];
}

const IDENTITY_MAX_BYTES = 65_536;

/**
 * Asks the service that runs on this host by the configuration which `options` name. Its metrics listener is asked where this caller may read it
 * (on loopback, or with an identity), for it gives reasons; the health listener where not. Throws CommandFailure: no answer, turned away, or no such
 * listener.
 */
export async function askStatus(options: unknown, terminal: CommandTerminal): Promise<ServiceStatus> {
  const { config: named, identity, live: onlyLive } = optionsSchema.parse(options);
  const at = (file: string): string => resolve(terminal.workingDirectory, file);
  const place = await refusing(async () => {
    const file = named ?? readEnvironment().configFile;
    if (file === undefined) throw new CommandFailure(EXIT.usage, '--config or $MUSTER_CONFIG is needed');
    return healthPlace(await loadServerConfig(at(file)), identity === undefined ? undefined : at(identity));
  });
  const live = answered(await askPage(place, '/livez'));
  if (onlyLive) return { live };
  const ready = answered(await askPage(place, '/readyz'));
  if (!place.givesReasons) return { live, ready };
  return { live, ready, reasons: linesOf(await askPage(place, '/healthz')) };
}

async function healthPlace({ listeners }: ServerConfig, identityFile: string | undefined): Promise<HealthPlace> {
  const { metrics, health } = listeners;
  if (metrics?.access === 'loopback') return { host: metrics.host, port: metrics.port, givesReasons: true };
  if (metrics !== undefined && identityFile !== undefined) {
    const identity = Buffer.from(await readPrivateFile(identityFile, IDENTITY_MAX_BYTES)).toString('utf8');
    const tls = { identity, shows: await readTextFile(metrics.certificate) };
    return { host: onThisHost(metrics.host), port: metrics.port, givesReasons: true, tls };
  }
  if (health !== undefined) return { host: onThisHost(health.host), port: health.port, givesReasons: false };
  throw new CommandFailure(
    EXIT.configuration,
    'the service tells its health nowhere that this command may read',
    'Set listeners.health or listeners.metrics, or give --identity: a certificate whose role may read metrics.',
  );
}

function answered({ status }: Page): boolean {
  if (status === 200) return true;
  if (status === 503) return false;
  if (status === 403) {
    throw new CommandFailure(
      EXIT.refused,
      'the service does not take this certificate',
      'It must stand on the list of administrators, with a role that may read metrics.',
    );
  }
  throw new CommandFailure(EXIT.internal, `the service answers with ${status}: is it of another version?`);
}

function linesOf(page: Page): readonly string[] {
  return answered(page) ? [] : page.text.split('\n').filter((line) => line !== '');
}

async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ConfigError) throw new CommandFailure(EXIT.configuration, error.message);
    if (error instanceof PrivateFileError) throw new CommandFailure(EXIT.configuration, `--identity: ${error.message}`);
    throw error;
  }
}
