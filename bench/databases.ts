import { liveService } from '#test/lab/live-service.ts';
import { postgresPrograms, startPostgres } from '#test/lab/postgres.ts';
import { postgresSection, SQLITE_SECTION, startReplica } from '#test/lab/replicas.ts';

import { benchFleet, introduce, joinsAt } from './join-load.ts';
import { type LoadCost, type Measurable, measureLoad } from './load.ts';
import { line, median } from './measure.ts';
import { cpuMicrosecondsOf, cpuMicrosecondsOfFamily } from './process-cpu.ts';

const ROUNDS = 5;
const UNITS = 300;
const WARM_UP = 600;
const CONCURRENCY = 16;

/** The same joins over each database, PostgreSQL over TLS on loopback. CPU is the sum over the service's processes and the database's. */
export interface DatabasesBench {
  readonly sqlite: LoadCost;
  readonly postgres: LoadCost;
  readonly postgresTwoProcesses: LoadCost;
  /** Of the CPU of a join over PostgreSQL with one process, PostgreSQL's own part. */
  readonly databaseShare: number;
  /** CPU of a join over PostgreSQL ÷ over SQLite. */
  readonly ratio: number;
  /** CPU of a join with two processes ÷ with one. */
  readonly secondProcessRatio: number;
}

/** Measures them turn and turn about, so that a busy machine slows all. Undefined where PostgreSQL is not installed. */
export async function benchDatabases(): Promise<DatabasesBench | undefined> {
  const bin = postgresPrograms();
  if (bin === undefined) return undefined;
  await using services = await openServices(bin);
  const { sqlite, postgres, twoProcesses, databaseCpu } = services;
  for (const load of [sqlite, postgres, twoProcesses]) await load.run(WARM_UP, CONCURRENCY);
  const costs = (): LoadCost[] => [];
  const found = { sqlite: costs(), postgres: costs(), twoProcesses: costs() };
  const shares: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    found.sqlite.push(await measureLoad(sqlite, UNITS, CONCURRENCY));
    const before = databaseCpu();
    const cost = await measureLoad(postgres, UNITS, CONCURRENCY);
    shares.push((databaseCpu() - before) / UNITS / cost.cpuMicroseconds);
    found.postgres.push(cost);
    found.twoProcesses.push(await measureLoad(twoProcesses, UNITS, CONCURRENCY));
  }
  const one = medianCost(found.postgres);
  const two = medianCost(found.twoProcesses);
  const embedded = medianCost(found.sqlite);
  return {
    sqlite: embedded,
    postgres: one,
    postgresTwoProcesses: two,
    databaseShare: median(shares),
    ratio: one.cpuMicroseconds / embedded.cpuMicroseconds,
    secondProcessRatio: two.cpuMicroseconds / one.cpuMicroseconds,
  };
}

interface Services extends AsyncDisposable {
  readonly sqlite: Measurable;
  readonly postgres: Measurable;
  readonly twoProcesses: Measurable;
  /** PostgreSQL's own CPU. */
  readonly databaseCpu: () => number;
}

/** One service over SQLite, one over PostgreSQL, and a replica of the second. The same machines join at all of them. */
async function openServices(postgresBin: string): Promise<Services> {
  await using undo = new AsyncDisposableStack();
  const { nodes, maker } = benchFleet();
  const overSqlite = undo.use(await liveService({ ekAnchors: [maker] }));
  await introduce(overSqlite, nodes);
  const server = undo.use(await startPostgres(postgresBin));
  const section = await postgresSection(await server.createDatabase('muster'), server);
  const overPostgres = undo.use(await liveService({ ekAnchors: [maker], config: { [SQLITE_SECTION]: section } }));
  await introduce(overPostgres, nodes);
  const replica = undo.use(await startReplica(overPostgres, 1));

  const databaseCpu = (): number => cpuMicrosecondsOfFamily(server.pid());
  const postgresCpu = (): number => cpuMicrosecondsOf(overPostgres.pid()) + databaseCpu();
  const places = [overPostgres, { ...overPostgres, url: replica.url }];
  const lifetime = undo.move();
  return {
    sqlite: {
      cpuMicroseconds: () => cpuMicrosecondsOf(overSqlite.pid()),
      run: joinsAt([overSqlite], nodes),
    },
    postgres: { cpuMicroseconds: postgresCpu, run: joinsAt([overPostgres], nodes) },
    twoProcesses: {
      cpuMicroseconds: () => postgresCpu() + cpuMicrosecondsOf(replica.pid()),
      run: joinsAt(places, nodes),
    },
    databaseCpu,
    [Symbol.asyncDispose]: () => lifetime.disposeAsync(),
  };
}

const medianCost = (costs: readonly LoadCost[]): LoadCost => ({
  cpuMicroseconds: median(costs.map(({ cpuMicroseconds }) => cpuMicroseconds)),
  perSecond: median(costs.map(({ perSecond }) => perSecond)),
});

/** Says what was measured. */
export function sayDatabases(say: (text: string) => void, found: DatabasesBench | undefined): void {
  if (found === undefined) {
    say('\nSKIPPED: joins over PostgreSQL: it is not installed (apt-get install -y postgresql)');
    return;
  }
  say(`\nJoins over each database, the median of ${ROUNDS} × ${UNITS}, ${CONCURRENCY} at a time, in turns:`);
  const both = (name: string, { cpuMicroseconds, perSecond }: LoadCost): void => {
    say(line(`${name}: CPU for a join, the database’s included`, cpuMicroseconds, 'µs'));
    say(line(`${name}: joins each second`, perSecond, '/s'));
  };
  both('SQLite, one process', found.sqlite);
  both('PostgreSQL, one process', found.postgres);
  both('PostgreSQL, two processes', found.postgresTwoProcesses);
  say('  SQLite, two processes: the service does not offer that; a second one is refused at its start');
  say(line('PostgreSQL’s own share of the CPU for a join', found.databaseShare * 100, '%'));
  say(line('PostgreSQL ÷ SQLite, CPU for a join', found.ratio, '×'));
  say(line('two processes ÷ one, CPU for a join', found.secondProcessRatio, '×'));
}

if (import.meta.main) sayDatabases((text) => process.stdout.write(`${text}\n`), await benchDatabases());
