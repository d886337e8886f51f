import { isCertificateFingerprint, isNodeId, isNodeName } from '#core/ids.ts';
import type { NodeState } from '#core/node-record.ts';

import type { AllowedCertificate, SnapshotChange, SnapshotNode } from './snapshot.ts';
import { StatementFormatError } from './statement-format-error.ts';

/** First line of every payload: what the signature is over is this and nothing else. */
const TITLE = 'muster-snapshot/v1';
const NONE = '-';
/** Certificates or UIDs that one node's line holds, at most. */
const PER_NODE_MAX = 8;

const STATES: ReadonlySet<string> = new Set<NodeState>([
  'enrolled',
  'pending',
  'joined',
  'quarantined',
  'barred',
  'retired',
]);
const WHOLE_NUMBER = /^(?:0|[1-9][0-9]{0,14})$/;
const UID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Any Kubernetes node name: RFC 1123 subdomain, at most 253 characters. */
const KUBERNETES_NAME =
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** True for any name that Kubernetes takes for a node; a node of ours has a shorter one. */
export const isKubernetesNodeName = (text: string): boolean => KUBERNETES_NAME.test(text);

/**
 * The one payload that says `stated`: ASCII lines, each ended by a line feed. `docs/operations/authorizer.md` has the grammar. Throws
 * RangeError on a value that has no place in it.
 */
export function renderStatement(stated: SnapshotChange): string {
  const { change, base, issuedAt } = stated;
  const lines = [TITLE, `change ${change}`, `base ${base ?? NONE}`, `issued ${issuedAt.getTime()}`];
  for (const name of stated.unmanaged.toSorted()) lines.push(`unmanaged ${name}`);
  for (const name of stated.gone.toSorted()) lines.push(`gone ${name}`);
  for (const node of stated.nodes.toSorted((a, b) => (a.name < b.name ? -1 : 1))) lines.push(renderNode(node));
  lines.push(`end ${lines.length}`, '');
  return lines.join('\n');
}

function renderNode({ name, id, state, current, previous, uids }: SnapshotNode): string {
  for (const some of [current, previous, uids]) if (some.length > PER_NODE_MAX) throw new RangeError('too many');
  return ['node', name, id, state, renderAllowed(current), renderAllowed(previous), uids.join(',') || NONE].join(' ');
}

const renderAllowed = (certificates: readonly AllowedCertificate[]): string =>
  certificates.map(({ fingerprint, notAfter }) => `${fingerprint}:${notAfter.getTime() / 1_000}`).join(',') || NONE;

/** What `payload` says. Throws StatementFormatError on anything that `renderStatement` does not write. */
export function parseStatement(payload: string): SnapshotChange {
  const lines = payload.split('\n');
  const at = (index: number): never => {
    throw new StatementFormatError('bad-line', index);
  };
  const number = (index: number, word: string): number => {
    const [name, value = '', ...rest] = (lines[index] ?? '').split(' ');
    return name === word && rest.length === 0 && WHOLE_NUMBER.test(value) ? Number(value) : at(index);
  };
  if (lines[0] !== TITLE) at(0);
  const change = number(1, 'change');
  const base = lines[2] === `base ${NONE}` ? undefined : number(2, 'base');
  const issuedAt = new Date(number(3, 'issued'));
  const last = lines.length - 2;
  if (lines[last + 1] !== '') at(last + 1);
  if (number(last, 'end') !== last) throw new StatementFormatError('wrong-count', last);
  const named = { unmanaged: new Array<string>(), gone: new Array<string>(), nodes: new Array<SnapshotNode>() };
  let before = '';
  for (let index = 4; index < last; index += 1) {
    const line = lines[index] ?? '';
    const order = addLine(named, line) ?? at(index);
    // The three kinds follow each other, each in order of name: so nothing is said twice.
    if (order <= before) throw new StatementFormatError('not-in-order', index);
    before = order;
  }
  if (base === undefined && named.gone.length > 0) at(4);
  return { change, base, issuedAt, ...named };
}

/** Adds what the line says; the line's place in the order, or undefined for a line that says nothing. */
function addLine(
  to: { readonly unmanaged: string[]; readonly gone: string[]; readonly nodes: SnapshotNode[] },
  line: string,
): string | undefined {
  const [word, name = '', ...fields] = line.split(' ');
  if (word === 'node') {
    const node = parseNode(name, fields);
    if (node === undefined) return undefined;
    to.nodes.push(node);
    return `3${name}`;
  }
  if (fields.length > 0 || !KUBERNETES_NAME.test(name)) return undefined;
  if (word === 'unmanaged') {
    to.unmanaged.push(name);
    return `1${name}`;
  }
  if (word !== 'gone') return undefined;
  to.gone.push(name);
  return `2${name}`;
}

function parseNode(name: string, fields: readonly string[]): SnapshotNode | undefined {
  const [id = '', state = '', currentText = '', previousText = '', uidText = '', ...rest] = fields;
  const current = parseAllowed(currentText);
  const previous = parseAllowed(previousText);
  const uids = parseList(uidText, (uid) => (UID.test(uid) ? uid : undefined));
  if (!isNodeName(name) || !isNodeId(id) || !isState(state) || rest.length > 0) return undefined;
  if (current === undefined || previous === undefined || uids === undefined) return undefined;
  return { name, id, state, current, previous, uids };
}

const isState = (text: string): text is NodeState => STATES.has(text);

const parseAllowed = (text: string): readonly AllowedCertificate[] | undefined =>
  parseList(text, (item) => {
    const [fingerprint = '', seconds = '', ...rest] = item.split(':');
    if (!isCertificateFingerprint(fingerprint) || !WHOLE_NUMBER.test(seconds) || rest.length > 0) return undefined;
    const notAfter = new Date(Number(seconds) * 1_000);
    return Number.isNaN(notAfter.getTime()) ? undefined : { fingerprint, notAfter };
  });

function parseList<T>(text: string, parse: (item: string) => T | undefined): readonly T[] | undefined {
  if (text === NONE) return [];
  const items = text.split(',').map(parse);
  const parsed = items.filter((item): item is NonNullable<typeof item> => item !== undefined);
  return parsed.length === items.length && items.length <= PER_NODE_MAX ? parsed : undefined;
}
