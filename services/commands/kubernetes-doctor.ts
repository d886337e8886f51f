import { resolve } from 'node:path';

import { parse } from 'yaml';
import { z } from 'zod';

import { CommandFailure, EXIT, type ExitCode } from '#core/exit-code.ts';
import { KubeconfigError, openKubeconfigClient } from '#services/kubernetes/cluster/kubeconfig-client.ts';
import { examine, type Given } from '#services/kubernetes/doctor/examine.ts';
import type { DoctorReport, Finding } from '#services/kubernetes/doctor/finding.ts';

import { readTextFile } from '#services/config/strict-document.ts';
import type { CommandTerminal } from './command-terminal.ts';

const optionsSchema = z.object({
  kubeconfig: z.string().min(1),
  authorizationConfig: z.string().min(1).optional(),
  apiserverManifest: z.string().min(1).optional(),
  kubeletConfig: z.array(z.string().min(1)).default([]),
  unmanaged: z.array(z.string()).default([]),
  output: z.enum(['table', 'json']).default('table'),
});

/**
 * Prints the ways into the cluster as a node that pass Muster by, and what could not be looked at. Resolves to 1 where one is open. Only reads.
 * Throws CommandFailure where a file cannot be used or the API server does not answer.
 */
export async function kubernetesDoctor(options: unknown, terminal: CommandTerminal): Promise<ExitCode> {
  const parsed = optionsSchema.safeParse(options);
  if (!parsed.success)
    throw new CommandFailure(EXIT.usage, z.prettifyError(parsed.error), 'See `muster kubernetes doctor --help`.');
  const { kubeconfig, authorizationConfig, apiserverManifest, kubeletConfig, unmanaged, output } = parsed.data;
  const at = (file: string): string => resolve(terminal.workingDirectory, file);
  const text = async (file: string): Promise<Given<string>> => ({ file, content: await readTextFile(at(file)) });
  const document = async (file: string): Promise<Given<unknown>> => ({
    file,
    content: parseYaml((await text(file)).content),
  });
  const given = {
    authorization: authorizationConfig === undefined ? undefined : await document(authorizationConfig),
    manifest: apiserverManifest === undefined ? undefined : await text(apiserverManifest),
    kubelets: await Promise.all(kubeletConfig.map(document)),
  };
  const report = await reached(async () => {
    using client = await openKubeconfigClient(at(kubeconfig));
    const stop = terminal.stopSignal();
    return examine({ client, now: terminal.now(), unmanaged: new Set(unmanaged), ...given, parseYaml, stop });
  });
  terminal.out(output === 'json' ? `${JSON.stringify(report, undefined, 2)}\n` : renderReport(report));
  return report.findings.some(({ severity }) => severity !== 'note') ? EXIT.negative : EXIT.ok;
}

/** Aliases are refused: a document of a cluster has no use for them, and they grow. */
const parseYaml = (text: string): unknown => parse(text, { maxAliasCount: 0 });

async function reached<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof KubeconfigError) throw new CommandFailure(EXIT.configuration, error.message);
    const why = error instanceof Error ? error.message : 'no answer';
    throw new CommandFailure(EXIT.unavailable, `the cluster could not be examined: ${why}`);
  }
}

function renderReport({ findings, unchecked }: DoctorReport): string {
  const open = findings.filter(({ severity }) => severity !== 'note').length;
  const lines = [
    ...findings.map(renderFinding),
    ...unchecked.map(({ what, why }) => `not checked: ${printable(what)} (${printable(why)})\n`),
    open === 0 ? 'Nothing found that is open.\n' : `${open} open.\n`,
  ];
  return lines.join('');
}

const renderFinding = ({ code, severity, where, what, why, fix }: Finding): string =>
  `${severity.toUpperCase()}  ${code}  ${printable(where)}\n  ${printable(what)}\n  Why: ${why}\n  Do:  ${printable(fix)}\n\n`;

/** Names come from the cluster: a terminal's control characters do not pass. */
const printable = (text: string): string => text.replaceAll(/\p{C}/gu, '�');
