import { Command } from 'commander';

import { CommandFailure, EXIT } from '#core/exit-code.ts';
import {
  type CreateTokenBody,
  TOKEN_TTL_SECONDS,
  type TokenCreated,
  tokenCreatedSchema,
} from '#protocol/join-token.ts';

import type { GlobalOptions, Muster } from '../../muster.ts';
import { writeAnswer } from '../../render/output.ts';
import type { Style } from '../../render/style.ts';
import { renderTime } from '../../render/time.ts';

interface Options extends GlobalOptions {
  readonly pool: string;
  readonly name: string;
  readonly ttl: string;
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600 };

/** `muster tokens create`. */
export function tokensCreateCommand(muster: Muster): Command {
  return new Command('create')
    .description('make a token with which one machine enrols its own key, once')
    .requiredOption('--pool <name>', 'the pool it joins')
    .requiredOption('--name <name>', 'the node’s name')
    .option('--ttl <time>', 'how long it can be used: 1m to 24h', '1h')
    .addHelpText(
      'after',
      `
The token is printed this once: the service keeps only a hash of it. Hand it to the machine as a file, readable by root
alone, that tokenFile in the agent's configuration names. The agent removes it when it has done its work.

Examples:
  $ muster tokens create --pool edge --name edge-3
  $ muster tokens create --pool edge --name edge-3 --ttl 10m -o json | jq -r .token`,
    )
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const body: CreateTokenBody = { name: options.name, pool: options.pool, ttlSeconds: seconds(options.ttl) };
      const { client } = muster.connect(options);
      using _client = client;
      const created = await client.post('/v1/tokens', body, tokenCreatedSchema);
      writeAnswer(muster.terminal, options.output, created, renderCreated);
    });
}

function seconds(text: string): number {
  const [, count = '', unit = ''] = /^([1-9][0-9]{0,4})([smh])$/.exec(text) ?? [];
  const ttl = Number(count) * (UNIT_SECONDS[unit] ?? 0);
  if (ttl >= TOKEN_TTL_SECONDS.min && ttl <= TOKEN_TTL_SECONDS.max) return ttl;
  throw new CommandFailure(EXIT.usage, `--ttl takes 1m to 24h, not ${text}`);
}

function renderCreated({ token, name, pool, expiresAt }: TokenCreated, style: Style): string {
  const until = `For ${name} in pool ${pool}, once, until ${renderTime(expiresAt)}. It is not shown again.`;
  return `${token}\n${style.warn(until)}\n`;
}
