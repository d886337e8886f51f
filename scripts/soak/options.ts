import { parseArgs } from 'node:util';

export interface SoakOptions {
  readonly minutes: number;
  /** Joins that begin each second. */
  readonly rate: number;
  readonly replicas: number;
  readonly output: 'table' | 'json';
  /** The small disk, where one was mounted; set by `runOnSmallDisk` alone. */
  readonly disk: string | undefined;
}

export const USAGE = `npm run soak -- [--minutes N] [--rate N] [--replicas N] [-o table|json]

Replicas of the service over one PostgreSQL and one key server, under load, with every fault once a minute.
  --minutes N    how long the load lasts, 1 to 1,440 (10)
  --rate N       joins that begin each second, 1 to 1,000 (50)
  --replicas N   2 to 8 (3)
  -o, --output   table or json
BAO_BIN or VAULT_BIN names a real key server; its double stands for it otherwise.
Exit code: 0 nothing was lost, 1 something was, 64 the command line is wrong, 69 what it needs is not here,
70 what it starts did not start.
`;

/** The command line's options; undefined where it is wrong. */
export function readOptions(args: readonly string[]): SoakOptions | undefined {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        minutes: { type: 'string', default: '10' },
        rate: { type: 'string', default: '50' },
        replicas: { type: 'string', default: '3' },
        output: { type: 'string', short: 'o', default: 'table' },
        disk: { type: 'string' },
      },
    });
    const { output, disk } = values;
    const minutes = wholeNumber(values.minutes, 1, 1_440);
    const rate = wholeNumber(values.rate, 1, 1_000);
    const replicas = wholeNumber(values.replicas, 2, 8);
    if (minutes === undefined || rate === undefined || replicas === undefined) return undefined;
    if (output !== 'table' && output !== 'json') return undefined;
    return { minutes, rate, replicas, output, disk };
  } catch {
    // parseArgs tells of an unknown option by throwing.
    return undefined;
  }
}

function wholeNumber(text: string, least: number, most: number): number | undefined {
  const value = Number(text);
  return /^[0-9]+$/.test(text) && value >= least && value <= most ? value : undefined;
}
