import { type Compilable, type CompiledQuery, type RawBuilder, sql } from 'kysely';

/** What runs a compiled query: a Kysely instance, a transaction of one, or a driver's connection. */
export interface Executor {
  executeQuery<R>(query: CompiledQuery<R>): Promise<{ readonly rows: R[]; readonly numAffectedRows?: bigint }>;
}

/** Stands for a value that each run brings; `name` is its key among them. */
export interface ParameterOf<V> {
  <K extends keyof V & string>(name: K): RawBuilder<V[K]>;
}

/** A query compiled once and run many times: building and compiling costs more than SQLite takes to answer. */
export interface PreparedQuery<V, R> {
  (executor: Executor, values: V): Promise<{ readonly rows: readonly R[]; readonly affected: number }>;
}

class Slot {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** `build`'s query, compiled now; on each run the value named takes the place of each parameter. */
export function prepareQuery<V extends Readonly<Record<string, unknown>>, R>(
  build: (parameter: ParameterOf<V>) => Compilable<R>,
): PreparedQuery<V, R> {
  const compiled = build((name) => sql`${new Slot(name)}`).compile();
  return async (executor, values) => {
    const parameters = compiled.parameters.map((value) => (value instanceof Slot ? values[value.name] : value));
    const { rows, numAffectedRows } = await executor.executeQuery<R>({ ...compiled, parameters });
    return { rows, affected: Number(numAffectedRows ?? 0n) };
  };
}
