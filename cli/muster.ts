import type { AdminClient } from './client.ts';
import { connectAdmin } from './client.ts';
import type { CliEnvironment } from './config.ts';
import { findContextFile, loadContext } from './context.ts';
import type { OutputFormat } from './render/output.ts';
import { secondFactor } from './second-factor.ts';
import type { Terminal } from './terminal.ts';

/** Options that every command takes. */
export interface GlobalOptions {
  readonly contextFile?: string;
  readonly output: OutputFormat;
}

/** What a command is given: the person, and the way to the service. */
export interface Muster {
  readonly terminal: Terminal;
  readonly environment: CliEnvironment;
  /** Opens the service that the options name. Throws CommandFailure when the context is missing or wrong; nothing is sent yet. */
  readonly connect: (options: GlobalOptions) => AdminConnection;
}

/** The service, and the context file that led there (what this administrator remembers of it stands beside). */
export interface AdminConnection {
  readonly client: AdminClient;
  readonly contextFile: string;
}

/** The command line's world, real. */
export function openMuster(terminal: Terminal, environment: CliEnvironment): Muster {
  return {
    terminal,
    environment,
    connect: (options) => {
      const contextFile = findContextFile(options.contextFile, environment, terminal.workingDirectory);
      const context = loadContext(contextFile);
      return { client: connectAdmin(context, terminal.now, secondFactor(terminal, context)), contextFile };
    },
  };
}
