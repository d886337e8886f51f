import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const ROW = /^\|\s*(T-\d{2})\s*\|(.*)$/gm;
const ACCEPTED = /\bAccepted risk:/;
const FILE_NAME = /^T-?(\d{2})-[a-z0-9-]+\.test\.ts$/;
// A string that is the first argument of a call: `T01` and `T-01` are the same threat, and a title may begin with several: `T21 T51 …`.
const TITLE = /\(\s*['"`]((?:T-?\d{2}\b[ ,and]*)+)/g;

// Attacks by the numbers of another list: holes that peers had (A01…), and inputs tried one by one (X02…).
const OTHER_LIST = /^([AX]\d{2})-[a-z0-9-]+\.test\.ts$/;

/** An attack test: its file name and its text. */
export interface AttackTest {
  readonly name: string;
  readonly text: string;
}

/**
 * What keeps the threat model and the attack tests from agreeing: a threat without a test or an accepted-risk note, a threat listed
 * twice, a test about a threat that the model does not have, a test whose titles name another threat than its file. Empty: they agree.
 */
export function findThreatFaults(model: string, tests: readonly AttackTest[]): readonly string[] {
  const rows = [...model.matchAll(ROW)].map((match) => ({ id: match[1] ?? '', text: match[2] ?? '' }));
  const listed = rows.map((row) => row.id);
  const tested = new Set(tests.flatMap((file) => [...idsOf(file)]));
  return [
    ...(rows.length === 0 ? ['the threat model has no row that begins with a T-nn'] : []),
    ...listed.filter((id, at) => listed.indexOf(id) !== at).map((id) => `${id} is listed twice`),
    ...rows
      .filter((row) => !tested.has(row.id) && !ACCEPTED.test(row.text))
      .map((row) => `${row.id} has no test in test/attacks and no accepted-risk note`),
    ...[...tested]
      .filter((id) => !listed.includes(id))
      .map((id) => `${id} has a test and no row in docs/threat-model.md`),
    ...tests.flatMap((file) => nameFaults(file)),
  ];
}

/** The threats that a file's tests are about, by the titles; a file without a titled test is about none. */
function idsOf(file: AttackTest): ReadonlySet<string> {
  return new Set(
    [...file.text.matchAll(TITLE)].flatMap((match) =>
      [...(match[1] ?? '').matchAll(/\d{2}/g)].map(([id]) => `T-${id}`),
    ),
  );
}

function nameFaults(file: AttackTest): readonly string[] {
  const other = OTHER_LIST.exec(file.name)?.[1];
  if (other !== undefined) {
    return file.text.includes(`('${other} `) ? [] : [`test/attacks/${file.name}: no title begins with ${other}`];
  }
  const number = FILE_NAME.exec(file.name)?.[1];
  const ids = idsOf(file);
  if (ids.size === 0) return [`test/attacks/${file.name}: no title begins with a T-nn`];
  if (number !== undefined && !ids.has(`T-${number}`))
    return [`test/attacks/${file.name}: no title begins with T-${number}`];
  return [];
}

if (import.meta.main) {
  const root = join(dirname(import.meta.filename), '..');
  const tests = globSync('test/attacks/**/*.test.ts', { cwd: root }).map((path) => ({
    name: basename(path),
    text: readFileSync(join(root, path), 'utf8'),
  }));
  const faults = findThreatFaults(readFileSync(join(root, 'docs/threat-model.md'), 'utf8'), tests);
  for (const fault of faults) console.error(fault);
  console.log(
    faults.length === 0 ? `threats: ${tests.length} attack tests, every threat covered` : 'threats: not covered',
  );
  process.exitCode = faults.length === 0 ? 0 : 1;
}
