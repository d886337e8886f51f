import { join } from 'node:path';

import { CommandFailure, EXIT } from '#core/exit-code.ts';

/** What of the environment the command line reads. Nothing secret is among it. */
export interface CliEnvironment {
  /** `MUSTER_CLI_CONFIG`. */
  readonly contextFile: string | undefined;
  /** `XDG_CONFIG_HOME`, or `.config` in `HOME`. */
  readonly configHome: string | undefined;
}

const KNOWN = 'MUSTER_CLI_CONFIG';

/** Reads the environment. Throws CommandFailure on a `MUSTER_CLI_…` variable that does not exist: it is a typing error of one that does. */
export function readEnvironment(env: NodeJS.ProcessEnv): CliEnvironment {
  const unknown = Object.keys(env).filter((name) => name.startsWith('MUSTER_CLI_') && name !== KNOWN);
  if (unknown.length > 0) {
    throw new CommandFailure(
      EXIT.configuration,
      `unknown environment variable ${unknown.join(', ')}`,
      `The only one is ${KNOWN}.`,
    );
  }
  const home = nonEmpty(env['HOME']);
  return {
    contextFile: nonEmpty(env[KNOWN]),
    configHome: nonEmpty(env['XDG_CONFIG_HOME']) ?? (home === undefined ? undefined : join(home, '.config')),
  };
}

/** This process's environment. */
export const processEnvironment = (): CliEnvironment => readEnvironment(process.env);

/** False where `NO_COLOR` is set to anything but the empty string (no-color.org). */
export const wantsColour = (): boolean => nonEmpty(process.env['NO_COLOR']) === undefined;

const nonEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text);
