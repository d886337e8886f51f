interface Named {
  readonly type: string;
  readonly name?: string;
}

/** As much of Babel's NodePath as is needed to see where a string stands. */
export interface StringPlace {
  readonly node: { readonly type: string };
  readonly parent: {
    readonly type: string;
    readonly callee?: Named & { readonly property?: Named };
    readonly key?: Named;
    readonly id?: Named;
  } | null;
  /** The name of the list of the parent that holds the node, and its place in it or else its name there. */
  readonly listKey: string | undefined;
  readonly key: string | number | null;
}

/**
 * What takes a text for people, and which argument it is. Errors of the language have their message; readers the name of the structure being
 * read, which is only ever part of an error's message. Errors of our own carry codes that machines read, and are not here.
 */
const TEXT_ARGUMENT: ReadonlyMap<string, number> = new Map([
  ['Error', 0],
  ['RangeError', 0],
  ['TypeError', 0],
  ['Reader', 1],
  ['DerReader', 1],
  ['grammarDenial', 1],
  ['unsuitable', 0],
  ['unsafe', 0],
  ['broken', 1],
]);

/** What is wrong, and the clause of a standard that says so. */
const PROPERTIES = new Set(['detail', 'clause']);

/** Methods of readers that take the name of the structure being read last: it is only ever part of an error's message. */
const NAMING_METHODS = new Set([
  'inside',
  'insideOptional',
  'sequence',
  'tagged',
  'octetStringAndInside',
  'wholeAndInside',
  'wholeSequence',
  'sizedReader',
]);

/**
 * Why the string at `place` is not worth a mutant: it is a sentence for people, and a test that pins its wording would only have to be
 * changed with it. Undefined for every other node, all strings that machines read among them: codes, names, object identifiers, labels.
 */
export function textForPeople({ node, parent, listKey, key }: StringPlace): string | undefined {
  if (parent === null || (node.type !== 'StringLiteral' && node.type !== 'TemplateLiteral')) return undefined;
  const isArgument = (parent.type === 'NewExpression' || parent.type === 'CallExpression') && listKey === 'arguments';
  if (isArgument && parent.callee?.type === 'Identifier' && TEXT_ARGUMENT.get(parent.callee.name ?? '') === key) {
    return 'a part of an error’s message, for people';
  }
  if (isArgument && NAMING_METHODS.has(parent.callee?.property?.name ?? '')) {
    return 'a part of an error’s message, for people';
  }
  const isDetail =
    (parent.type === 'ObjectProperty' && key === 'value' && PROPERTIES.has(parent.key?.name ?? '')) ||
    (parent.type === 'VariableDeclarator' && key === 'init' && parent.id?.name === 'detail');
  return isDetail ? 'the detail of a denial or a finding, or its source, for people' : undefined;
}

/** What Stryker looks for in a plugin. */
export const strykerPlugins = [
  { kind: 'Ignore', name: 'texts-for-people', value: { shouldIgnore: textForPeople } },
] as const;
