import { resolve } from 'node:path';

import { z } from 'zod';

import { DependencyError } from '#core/dependency-error.ts';
import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { ListenError } from '#services/http/server.ts';

import manifest from '../../package.json' with { type: 'json' };
import { readAdministratorsWithoutKey } from '../administrators.ts';
import { loadServerConfig, readEnvironment } from '#services/config/config.ts';
import { runService } from '../main.ts';
import { loadMaterial } from '../material.ts';
import { nodeVersionFault } from '../node-version.ts';
import { ConfigError } from '#services/config/strict-document.ts';
import type { CommandTerminal } from './command-terminal.ts';

const optionsSchema = z.object({ config: z.string().min(1).optional(), checkConfig: z.boolean().default(false) });

/**
 * Runs the service until it is asked to stop. Resolves when it has stopped; throws CommandFailure when it cannot start, with every problem of
 * the configuration at once, when a listener's place is taken, or when its store is in doubt. With `checkConfig` it reads and checks what a start would, and nothing is opened.
 */
export async function serve(options: unknown, terminal: CommandTerminal): Promise<void> {
  const fault = nodeVersionFault(process.version);
  if (fault !== undefined) throw new CommandFailure(EXIT.configuration, fault);
  const { config: named, checkConfig } = optionsSchema.parse(options);
  try {
    const environment = readEnvironment();
    const file = named ?? environment.configFile;
    if (file === undefined) throw new CommandFailure(EXIT.usage, '--config or $MUSTER_CONFIG is needed');
    const config = await loadServerConfig(resolve(terminal.workingDirectory, file));
    const material = await loadMaterial(config, { now: terminal.now, ...environment });
    if (checkConfig) {
      terminal.out(`${file} is valid, and so is everything that it names.\n`);
      const without = await readAdministratorsWithoutKey(config.listeners.admin.administrators);
      for (const name of without) terminal.err(`Administrator without a security key: ${JSON.stringify(name)}.\n`);
      return;
    }
    await runService(config, material, { now: terminal.now, stop: terminal.stopSignal(), version: manifest.version });
  } catch (error) {
    if (error instanceof ConfigError) {
      throw new CommandFailure(EXIT.configuration, ['the service cannot start:', ...error.problems].join('\n  '));
    }
    if (error instanceof DependencyError || error instanceof ListenError) {
      throw new CommandFailure(EXIT.unavailable, error.message);
    }
    throw error;
  }
}
