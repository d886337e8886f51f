import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import { parse } from 'yaml';
import { z } from 'zod';

import { CommandFailure, EXIT } from '#core/exit-code.ts';

import type { CliEnvironment } from './config.ts';

const contextSchema = z.strictObject({
  apiVersion: z.literal('muster/v1'),
  kind: z.literal('CliContext'),
  admin: z.strictObject({
    /** The service's admin listener. */
    url: z.url({ protocol: /^https$/ }).max(2_048),
    /** PEM: the only authorities that the service's certificate may come from. */
    caFile: z.string().min(1).max(4_096),
    /** PEM: the administrator's certificate chain and its private key. */
    identityFile: z.string().min(1).max(4_096),
  }),
});

/** Which service to speak to, and as whom. The files were read; the paths are absolute. */
export interface CliContext {
  readonly file: string;
  readonly url: URL;
  readonly caFile: string;
  readonly ca: string;
  readonly identityFile: string;
  readonly identity: string;
}

/** Where a context file is looked for when the command line names none, in this order. */
export function contextCandidates(environment: CliEnvironment, workingDirectory: string): readonly string[] {
  if (environment.contextFile !== undefined) return [resolve(workingDirectory, environment.contextFile)];
  const home = environment.configHome === undefined ? [] : [join(environment.configHome, 'muster/cli.yaml')];
  return [resolve(workingDirectory, 'muster/cli.yaml'), ...home];
}

/** The context file that `named`, or the environment, or its default places give. Throws CommandFailure when there is none. */
export function findContextFile(
  named: string | undefined,
  environment: CliEnvironment,
  workingDirectory: string,
): string {
  if (named !== undefined) return resolve(workingDirectory, named);
  const candidates = contextCandidates(environment, workingDirectory);
  const found = candidates.find((file) => existsSync(file));
  if (found !== undefined) return found;
  throw new CommandFailure(
    EXIT.configuration,
    `no context file: looked for ${candidates.join(' and ')}`,
    '`muster init` writes one (cli.yaml) beside the service it sets up.',
    'Name it with --context-file FILE, or in the environment variable MUSTER_CLI_CONFIG.',
  );
}

/** Reads the context file and the files it names. Throws CommandFailure, with everything that is wrong in it. */
export function loadContext(file: string): CliContext {
  const parsed = contextSchema.safeParse(parseYaml(file, readText(file, 'the context file')));
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'the whole'}: ${issue.message}`);
    throw new CommandFailure(EXIT.configuration, `${file} is not a context file: ${faults.join('; ')}`);
  }
  const { url, ...files } = parsed.data.admin;
  const caFile = resolve(dirname(file), files.caFile);
  const identityFile = resolve(dirname(file), files.identityFile);
  return {
    file,
    url: new URL(url),
    caFile,
    ca: readText(caFile, 'admin.caFile'),
    identityFile,
    identity: readText(identityFile, 'admin.identityFile'),
  };
}

function parseYaml(file: string, text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw new CommandFailure(
      EXIT.configuration,
      `${file} is not YAML: ${error instanceof Error ? error.message : 'unreadable'}`,
    );
  }
}

function readText(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new CommandFailure(EXIT.configuration, `${what} cannot be read: ${file} (${code})`);
  }
}
