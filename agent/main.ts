#!/usr/bin/env node
import { generateKeyPairSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';

import { systemClock } from '#core/clock.ts';
import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { systemRandom } from '#core/random.ts';

import { openAttester } from './attester.ts';
import { openJoinService } from './client.ts';
import { type AgentConfig, ConfigError, DEFAULT_CONFIG_FILE, loadConfig } from './config.ts';
import { examine, renderChecks } from './doctor.ts';
import { type Check, fail } from './doctor/check.ts';
import { explainError, outcomeFailure } from './explain.ts';
import { joinCluster, type JoinedNode } from './join-cluster.ts';
import { systemSleep } from './sleep.ts';

const HELP = `muster-agent: join this machine to a Kubernetes cluster by what its TPM proves

Usage:
  muster-agent join   [--config FILE] [-o json]   prove, get a certificate, write the kubelet's files
  muster-agent doctor [--config FILE] [-o json]   look at everything a join depends on, change nothing
  muster-agent --version | --help

Options:
  --config FILE   configuration (default ${DEFAULT_CONFIG_FILE})
  -o json         print the result as JSON

Exit codes:
   0  joined, or nothing found that keeps this machine from joining
  69  something the agent needs is not there: the TPM, the service, a file system
  70  the service's answer cannot be used, or the agent has a bug
  75  not now; the same command may succeed later
  77  the service refused this node
  78  the command line or the configuration is wrong

Examples:
  muster-agent join --config ${DEFAULT_CONFIG_FILE}
  muster-agent doctor
  muster-agent join -o json | jq -r .node.name
`;

interface CommandLine {
  readonly command: 'join' | 'doctor' | 'help' | 'version';
  readonly configFile: string;
  readonly json: boolean;
}

const progress = (line: string): void => void process.stderr.write(`${line}\n`);
const print = (text: string): void => void process.stdout.write(text);

try {
  process.exitCode = await run(readCommandLine(process.argv.slice(2)));
} catch (error) {
  const { exitCode, message } = explainError(error);
  progress(message);
  process.exitCode = exitCode;
}

function readCommandLine(args: readonly string[]): CommandLine {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        config: { type: 'string', default: DEFAULT_CONFIG_FILE },
        output: { type: 'string', short: 'o', default: 'text' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    });
    const [command, ...rest] = positionals;
    const common = { configFile: values.config, json: values.output === 'json' };
    if (values.help === true) return { command: 'help', ...common };
    if (values.version === true) return { command: 'version', ...common };
    if (values.output !== 'json' && values.output !== 'text')
      throw new TypeError(`-o takes json or text, not ${values.output}`);
    if (rest[0] !== undefined) throw new TypeError(`unexpected argument ${rest[0]}`);
    if (command === 'join' || command === 'doctor') return { command, ...common };
    throw new TypeError(command === undefined ? 'no command' : `no such command: ${command}`);
  } catch (error) {
    const [what = ''] = error instanceof TypeError ? error.message.split('. ') : [String(error)];
    throw new CommandFailure(EXIT.configuration, `The command line is wrong, ${what}: see \`muster-agent --help\`.`);
  }
}

async function run({ command, configFile, json }: CommandLine): Promise<number> {
  switch (command) {
    case 'help':
      print(HELP);
      return EXIT.ok;
    case 'version':
      print(`${await readVersion()}\n`);
      return EXIT.ok;
    case 'doctor':
      return runDoctor(configFile, json);
    case 'join':
      return runJoin(await loadConfig(configFile), json);
  }
}

async function runJoin(config: AgentConfig, json: boolean): Promise<number> {
  const capabilities = { now: systemClock, random: systemRandom };
  using service = openJoinService({ ...config, ...capabilities });
  const outcome = await joinCluster(
    {
      ...capabilities,
      service,
      progress,
      sleep: systemSleep,
      elapsedMs: () => performance.now(),
      openAttester: () => openAttester(config.tpm, systemRandom),
      newKey: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
    },
    config,
  );
  if (outcome.status !== 'joined') throw outcomeFailure(outcome);
  print(json ? `${JSON.stringify(outcome, null, 2)}\n` : renderJoined(outcome));
  return EXIT.ok;
}

function renderJoined({ node, certificate }: JoinedNode): string {
  return (
    `Joined as ${node.name} in pool ${node.pool}, rating ${node.protectionRating}.\n` +
    `Certificate ${certificate.serial} is valid until ${certificate.notAfter}; join again from ${certificate.renewAt} on.\n`
  );
}

async function runDoctor(configFile: string, json: boolean): Promise<number> {
  const checks = await examineFrom(configFile);
  print(json ? `${JSON.stringify({ checks }, null, 2)}\n` : renderChecks(checks));
  const failed = checks.filter(({ status }) => status === 'fail');
  const [first] = failed;
  if (first === undefined) return EXIT.ok;
  progress(`${failed.length} of ${checks.length} checks failed: begin with "${first.name}".`);
  return first.name === 'configuration' ? EXIT.configuration : EXIT.unavailable;
}

async function examineFrom(configFile: string): Promise<readonly Check[]> {
  let config: AgentConfig;
  try {
    config = await loadConfig(configFile);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((problem) => fail('configuration', problem, `correct ${configFile}`));
  }
  return examine(config, systemClock);
}

async function readVersion(): Promise<string> {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8');
  return /"version": *"([^"]+)"/.exec(text)?.[1] ?? 'unknown';
}
