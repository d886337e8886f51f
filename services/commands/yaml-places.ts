import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';

/** Finds the lines that problems are about in YAML text: by dotted paths (`pools.a.tpm2`) and by JSON pointers (`/pools/a/tpm2`). */
export interface YamlPlaces {
  /** The 1-based line of the member, or of the innermost one around it that is there. Undefined in text that is not YAML. */
  lineOf(path: string): number | undefined;
}

/** Reads `text` for its places alone: it need not be valid, and nothing is taken from it. */
export function yamlPlaces(text: string): YamlPlaces {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, logLevel: 'silent' });
  return {
    lineOf: (path) => {
      const offset = offsetOf(document, path.startsWith('/') ? pointerParts(path) : path.split('.'));
      return offset === undefined ? undefined : lines.linePos(offset).line;
    },
  };
}

function pointerParts(pointer: string): readonly string[] {
  return pointer
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function offsetOf(document: Document, parts: readonly string[]): number | undefined {
  let node: unknown = document.contents;
  let offset = startOf(node);
  let rest = parts;
  while (rest.length > 0) {
    const step = descend(node, rest);
    if (step === undefined) break;
    ({ node, rest } = step);
    offset = step.offset ?? offset;
  }
  return offset;
}

interface Step {
  readonly node: unknown;
  readonly offset: number | undefined;
  readonly rest: readonly string[];
}

/** One level down. A key with dots in it takes as many parts of a dotted path as it has. */
function descend(node: unknown, parts: readonly string[]): Step | undefined {
  if (isSeq(node)) {
    const item = node.items[Number(parts[0])];
    return item === undefined ? undefined : { node: item, offset: startOf(item), rest: parts.slice(1) };
  }
  if (!isMap(node)) return undefined;
  for (let taken = 1; taken <= parts.length; taken += 1) {
    const name = parts.slice(0, taken).join('.');
    const pair = node.items.find(({ key }) => (isScalar(key) ? String(key.value) : key) === name);
    if (pair !== undefined) return { node: pair.value, offset: startOf(pair.key), rest: parts.slice(taken) };
  }
  return undefined;
}

const startOf = (node: unknown): number | undefined => (isNode(node) ? node.range?.[0] : undefined);
