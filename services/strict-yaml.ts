import { parseDocument } from 'yaml';

/** Text that is not one plain YAML 1.2 document. `problems` has a line each, with the place in the text. */
export class StrictYamlError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('; '));
    this.name = 'StrictYamlError';
    this.problems = problems;
  }
}

/**
 * The value of one YAML 1.2 document of plain data. Refused: a second document, a duplicate key, an alias, a tag that is not in the
 * core schema, and anything that the parser only warns about. Throws StrictYamlError.
 */
export function parseStrictYaml(text: string): unknown {
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    strict: true,
    uniqueKeys: true,
    merge: false,
  });
  const problems = [...document.errors, ...document.warnings].map((problem) => problem.message.split('\n', 1)[0] ?? '');
  if (problems.length > 0) throw new StrictYamlError(problems);
  try {
    const value: unknown = document.toJS({ maxAliasCount: 0 });
    return value;
  } catch (cause) {
    throw new StrictYamlError([cause instanceof Error ? cause.message : 'not plain data']);
  }
}
