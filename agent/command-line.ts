import { parseArgs } from 'node:util';

import { CommandFailure, EXIT } from '#core/exit-code.ts';

import { DEFAULT_CONFIG_FILE } from './config.ts';

export const HELP = `muster-agent: join this machine to a Kubernetes cluster by what its TPM proves

Usage:
  muster-agent join   [--config FILE] [-o json]   prove, get a certificate, write the kubelet's files
  muster-agent run    [--config FILE]             stay joined: renew in time, send heartbeats, until told to stop
  muster-agent credential [--config FILE]         answer a kubelet that starts this as its exec credential plugin
  muster-agent doctor [--config FILE] [-o json]   look at everything a join depends on, change nothing
  muster-agent ek     [--config FILE] [--out FILE] [-o json]   say what an administrator needs to enrol this machine
  muster-agent key    [--config FILE] [-o json]   the same for a machine without a TPM: its key, and what it measures
  muster-agent --version | --help

Options:
  --config FILE   configuration (default ${DEFAULT_CONFIG_FILE})
  -o json         print the result as JSON
  --out FILE      ek: write the EK certificate (DER) to a new file

Exit codes:
   0  joined, or answered, or nothing found that keeps this machine from joining
  69  something the agent needs is not there: the TPM, the service, a file system
  70  the service's answer cannot be used, or the agent has a bug
  75  not now; the same command may succeed later
  77  the service refused this node
  78  the command line or the configuration is wrong

Examples:
  muster-agent join --config ${DEFAULT_CONFIG_FILE}
  muster-agent doctor
  muster-agent ek --out ek.der
  muster-agent join -o json | jq -r .node.name
`;

export interface CommandLine {
  readonly command: 'join' | 'run' | 'credential' | 'doctor' | 'ek' | 'key' | 'help' | 'version';
  readonly configFile: string;
  readonly json: boolean;
  /** `ek` only: where its certificate goes. */
  readonly out: string | undefined;
}

/** What `args` ask for. Throws CommandFailure, exit code 78, for anything that is not in `HELP`. */
export function readCommandLine(args: readonly string[]): CommandLine {
  const { values, positionals } = parseOptions(args);
  const [command, ...rest] = positionals;
  const common = { configFile: values.config, json: values.output === 'json', out: values.out };
  if (values.help === true) return { command: 'help', ...common };
  if (values.version === true) return { command: 'version', ...common };
  if (values.output !== 'json' && values.output !== 'text') throw misuse(`-o takes json or text, not ${values.output}`);
  if (rest[0] !== undefined) throw misuse(`there is nothing to do with "${rest[0]}"`);
  if (values.out !== undefined && command !== 'ek') throw misuse('--out is for ek');
  if ((command === 'credential' || command === 'run') && common.json) throw misuse(`-o json is not for ${command}`);
  if (isCommand(command)) return { command, ...common };
  throw misuse(command === undefined ? 'it names no command' : `there is no command "${command}"`);
}

const COMMANDS = ['join', 'run', 'credential', 'doctor', 'ek', 'key'] as const;

const isCommand = (text: string | undefined): text is (typeof COMMANDS)[number] =>
  COMMANDS.some((command) => command === text);

function parseOptions(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        config: { type: 'string', default: DEFAULT_CONFIG_FILE },
        output: { type: 'string', short: 'o', default: 'text' },
        out: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    });
  } catch (error) {
    // parseArgs says what is wrong in its first sentence, and then at length what one may have meant.
    throw misuse(error instanceof Error ? (error.message.split('. ', 1)[0] ?? '') : String(error));
  }
}

function misuse(what: string): CommandFailure {
  return new CommandFailure(EXIT.configuration, `The command line is wrong, ${what}: see \`muster-agent --help\`.`);
}
