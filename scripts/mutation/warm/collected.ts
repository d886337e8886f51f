type Body = (...args: readonly unknown[]) => unknown;

/** A test, with what its suites do around it. */
export interface CollectedTest {
  /** The file's path, then the names of suites and test, with ` > ` between: unlike any other test's. */
  readonly id: string;
  readonly file: string;
  readonly body: () => unknown;
  readonly suite: CollectedSuite;
}

export interface CollectedSuite {
  readonly name: string;
  readonly parent: CollectedSuite | undefined;
  readonly beforeAll: Body[];
  readonly afterAll: Body[];
  readonly beforeEach: Body[];
  readonly afterEach: Body[];
}

/** What the test file that is being loaded has declared so far. */
interface Collection {
  readonly file: string;
  readonly tests: CollectedTest[];
  readonly ids: Set<string>;
  suite: CollectedSuite;
  /** Bodies of suites that wait for something before they declare more. */
  readonly pending: unknown[];
}

let collection: Collection | undefined;

const newSuite = (name: string, parent: CollectedSuite | undefined): CollectedSuite => ({
  name,
  parent,
  beforeAll: [],
  afterAll: [],
  beforeEach: [],
  afterEach: [],
});

/** The tests that loading `file` with `load` declares, in their order. */
export async function collect(file: string, load: () => Promise<unknown>): Promise<readonly CollectedTest[]> {
  const own: Collection = { file, tests: [], ids: new Set(), suite: newSuite('', undefined), pending: [] };
  collection = own;
  await load();
  for (const waited of own.pending) await waited;
  collection = undefined;
  return own.tests;
}

function collecting(): Collection {
  if (collection === undefined) throw new Error('a test was declared while no test file was loaded');
  return collection;
}

/** Declares a suite: its body runs at once. */
export function addSuite(name: string, body: () => unknown): void {
  const own = collecting();
  const { suite: outer } = own;
  own.suite = newSuite(name, outer);
  const result = body();
  if (result instanceof Promise) own.pending.push(result);
  own.suite = outer;
}

/** Declares a test in the suite whose body runs. */
export function addTest(name: string, body: () => unknown): void {
  const { file, tests, ids, suite } = collecting();
  const names = [name];
  for (let at: CollectedSuite | undefined = suite; at !== undefined; at = at.parent) {
    if (at.parent !== undefined) names.unshift(at.name);
  }
  const title = [file, ...names].join(' > ');
  let id = title;
  for (let copy = 2; ids.has(id); copy += 1) id = `${title} (${copy})`;
  ids.add(id);
  tests.push({ id, file, body, suite });
}

/** Declares what is done around the tests of the suite whose body runs. */
export function addHook(kind: 'beforeAll' | 'afterAll' | 'beforeEach' | 'afterEach', body: Body): void {
  collecting().suite[kind].push(body);
}
