import { describe, expect, test } from 'vitest';

import { utf8 } from '#core/bytes.ts';
import { authorize, type AuthorizerView } from '#services/kubernetes/authorize.ts';
import type { SnapshotNode } from '#services/kubernetes/snapshot.ts';
import { parseSubjectAccessReview } from '#services/kubernetes/subject-access-review.ts';
import { labAllowed, labFingerprint, labSnapshot, labSnapshotNode } from '#test/lab/kubernetes-snapshot.ts';
import { afterNoon, NOON } from '#test/lab/store-values.ts';
import { vectorBytes } from '#test/lab/vectors.ts';

const UID = '11111111-2222-4333-8444-555555555555';
const NODES: readonly SnapshotNode[] = [
  labSnapshotNode('n1'),
  labSnapshotNode('n2', { uids: [UID] }),
  labSnapshotNode('n3', { current: [], previous: [] }),
];
const DAY = 86_400_000;
const view = (override: Partial<AuthorizerView> = {}, nodes = NODES): AuthorizerView => ({
  snapshot: labSnapshot(nodes, { unmanaged: ['cp-1', 'n1'] }),
  now: NOON,
  maxAgeMs: DAY,
  isUsed: () => false,
  allowNodeCsr: false,
  ...override,
});

const X509 = 'authentication.kubernetes.io/credential-id';
const NODE_NAME = 'authentication.kubernetes.io/node-name';
const NODE_UID = 'authentication.kubernetes.io/node-uid';
const shows = (certificate: string) => ({ [X509]: [`X509SHA256=${labFingerprint(certificate)}`] });
const GET = { verb: 'get', version: 'v1', resource: 'nodes', name: 'n1' };

const review = (spec: object): Uint8Array =>
  utf8(
    JSON.stringify({
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: {
        user: 'system:node:n1',
        groups: ['system:nodes', 'system:authenticated'],
        extra: shows('n1 new'),
        resourceAttributes: GET,
        ...spec,
      },
    }),
  );
const decide = (spec: object, override: Partial<AuthorizerView> = {}, nodes = NODES): string => {
  const decision = authorize(view(override, nodes), parseSubjectAccessReview(review(spec)));
  return decision.kind === 'denied' ? decision.denial : decision.kind;
};
const withN1 = (change: Partial<SnapshotNode>) => [labSnapshotNode('n1', change), ...NODES.slice(1)];

describe('a node’s own credential', () => {
  test.each<[string, object, string]>([
    ['the newest certificate of a joined node', {}, 'no-opinion'],
    ['the one before it', { extra: shows('n1 old') }, 'no-opinion'],
    ['a certificate that is not on the list', { extra: shows('somebody’s') }, 'credential-unknown'],
    ['another node’s certificate', { extra: shows('n2 new') }, 'credential-unknown'],
    ['no credential', { extra: {} }, 'credential-missing'],
    ['no extra at all', { extra: null }, 'credential-missing'],
    ['no value', { extra: { [X509]: [] } }, 'credential-missing'],
    ['two credentials', { extra: { [X509]: [...(shows('n1 new')[X509] ?? []), 'X'] } }, 'credential-missing'],
    ['a token’s id', { extra: { [X509]: ['JTI=8b2f'] } }, 'credential-missing'],
    [
      'a fingerprint in capitals',
      { extra: { [X509]: [`X509SHA256=${labFingerprint('n1 new').toUpperCase()}`] } },
      'credential-missing',
    ],
    ['a node that nobody manages', { user: 'system:node:n9' }, 'node-unknown'],
    ['a node without a certificate', { user: 'system:node:n3' }, 'credential-unknown'],
    ['an exception', { user: 'system:node:cp-1', extra: {} }, 'no-opinion'],
    ['no node name', { user: 'system:node:' }, 'node-name-missing'],
    ['the group of nodes under another name', { user: 'kubelet' }, 'node-name-missing'],
    ['a node’s name without the group', { groups: [], extra: {} }, 'credential-missing'],
  ])('with %s: %#', (_, spec, expected) => {
    expect(decide(spec)).toBe(expected);
  });

  test.each<[SnapshotNode['state'], string]>([
    ['joined', 'no-opinion'],
    ['barred', 'node-barred'],
    ['quarantined', 'node-quarantined'],
    ['retired', 'node-not-joined'],
    ['pending', 'node-not-joined'],
    ['enrolled', 'node-not-joined'],
  ])('of a %s node', (state, expected) => {
    expect(decide({}, {}, withN1({ state }))).toBe(expected);
  });

  test('is good to its last second and no longer', () => {
    const nodes = withN1({ current: [labAllowed('n1 new', afterNoon(60))] });
    expect(decide({}, { now: new Date(afterNoon(61).getTime() - 1) }, nodes)).toBe('no-opinion');
    expect(decide({}, { now: afterNoon(61) }, nodes)).toBe('credential-expired');
  });

  test('is superseded once the newer one was used', () => {
    const isUsed = (fingerprint: string) => fingerprint === labFingerprint('n1 new');
    expect(decide({ extra: shows('n1 old') }, { isUsed })).toBe('credential-superseded');
    expect(decide({}, { isUsed })).toBe('no-opinion');
  });

  test('ends with the use of any newer one, in order of age: a kubelet that follows late is not locked out by renewals it has not seen', () => {
    const [second, third] = [labAllowed('n1 second'), labAllowed('n1 third')];
    const nodes = withN1({ previous: [third, second, labAllowed('n1 old')] });
    const shown = ['n1 new', 'n1 third', 'n1 second', 'n1 old'];
    const after = (used: string | undefined) => {
      const isUsed = (fingerprint: string) => used !== undefined && fingerprint === labFingerprint(used);
      return shown.filter((name) => decide({ extra: shows(name) }, { isUsed }, nodes) === 'no-opinion');
    };
    expect(after(undefined)).toEqual(shown);
    expect(after('n1 old')).toEqual(shown);
    expect(after('n1 second')).toEqual(shown.slice(0, 3));
    expect(after('n1 third')).toEqual(shown.slice(0, 2));
    expect(after('n1 new')).toEqual(shown.slice(0, 1));
  });

  test('tells which certificate was used', () => {
    const used = (spec: object) => authorize(view(), parseSubjectAccessReview(review(spec)));
    expect(used({})).toEqual({ kind: 'no-opinion', used: labFingerprint('n1 new') });
    expect(used({ extra: shows('n1 old') })).toEqual({ kind: 'no-opinion', used: labFingerprint('n1 old') });
    expect(used({ extra: shows('somebody’s') })).toEqual({ kind: 'denied', denial: 'credential-unknown' });
  });

  test('counts for nothing without a snapshot, or with one that is too old', () => {
    expect(decide({}, { snapshot: undefined })).toBe('snapshot-missing');
    expect(decide({}, { now: afterNoon(3_600), maxAgeMs: 3_600_000 })).toBe('no-opinion');
    expect(decide({}, { now: afterNoon(3_601), maxAgeMs: 3_600_000 })).toBe('snapshot-too-old');
  });

  test('does not become an exception by being listed as one', () => {
    expect(decide({ extra: {} }, {}, withN1({ state: 'joined' }))).toBe('credential-missing');
    expect(decide({}, {}, withN1({ state: 'barred' }))).toBe('node-barred');
  });
});

describe('a token bound to a node', () => {
  const token = (extra: object, user = 'system:serviceaccount:kube-system:kube-proxy') => ({
    user,
    groups: ['system:serviceaccounts', 'system:authenticated'],
    extra: { [X509]: ['JTI=8b2f'], ...extra },
  });
  const barred = [labSnapshotNode('n1'), labSnapshotNode('n2', { state: 'barred', uids: [UID] })];

  test.each<[string, object, readonly SnapshotNode[], string]>([
    ['a joined one', { [NODE_NAME]: ['n2'], [NODE_UID]: [UID] }, NODES, 'no-opinion'],
    ['a barred one, by name', { [NODE_NAME]: ['n2'] }, barred, 'node-barred'],
    ['a barred one, by UID', { [NODE_NAME]: ['n1'], [NODE_UID]: [UID] }, barred, 'node-barred'],
    [
      'a quarantined one',
      { [NODE_NAME]: ['n2'] },
      [labSnapshotNode('n2', { state: 'quarantined' })],
      'node-quarantined',
    ],
    ['an enrolled one', { [NODE_NAME]: ['n2'] }, [labSnapshotNode('n2', { state: 'enrolled' })], 'node-not-joined'],
    ['one that is gone', { [NODE_NAME]: ['n9'] }, NODES, 'node-unknown'],
    ['an exception', { [NODE_NAME]: ['cp-1'] }, NODES, 'no-opinion'],
    ['two names, one of them barred', { [NODE_NAME]: ['n1', 'n2'] }, barred, 'node-barred'],
    ['a UID without a name', { [NODE_UID]: [UID] }, NODES, 'node-name-missing'],
    ['no name in the member for it', { [NODE_NAME]: [] }, NODES, 'node-name-missing'],
    ['a barred one, under a key in capitals', { [NODE_NAME.toUpperCase()]: ['n2'] }, barred, 'node-barred'],
    ['no node', {}, barred, 'no-opinion'],
  ])('with %s', (_, extra, nodes, expected) => {
    expect(decide(token(extra), {}, nodes)).toBe(expected);
  });

  test('is denied without a snapshot; a token bound to none is not', () => {
    expect(decide(token({ [NODE_NAME]: ['n1'] }), { snapshot: undefined })).toBe('snapshot-missing');
    expect(decide(token({}), { snapshot: undefined })).toBe('no-opinion');
  });
});

describe('a certificate request by a node', () => {
  const csr = { verb: 'create', group: 'certificates.k8s.io', version: 'v1', resource: 'certificatesigningrequests' };
  test.each<[string, object, Partial<AuthorizerView>, string]>([
    ['creating one', csr, {}, 'certificate-request'],
    ['being approved for one', { ...csr, subresource: 'selfnodeclient' }, {}, 'certificate-request'],
    ['everything at once', { verb: '*', group: '*', version: '*', resource: '*' }, {}, 'certificate-request'],
    ['reading one', { ...csr, verb: 'get' }, {}, 'no-opinion'],
    ['creating something else', { ...csr, resource: 'nodes', group: '' }, {}, 'no-opinion'],
    ['creating one where serving certificates are requested so', csr, { allowNodeCsr: true }, 'no-opinion'],
  ])('%s', (_, resourceAttributes, override, expected) => {
    expect(decide({ resourceAttributes }, override)).toBe(expected);
  });

  test('by anybody else is none of its business', () => {
    expect(decide({ user: 'alice', groups: [], extra: {}, resourceAttributes: csr })).toBe('no-opinion');
  });
});

describe('the reviews that a real API server sent', () => {
  const lines = Buffer.from(vectorBytes('kubernetes/subject-access-reviews.ndjson'))
    .toString('utf8')
    .trim()
    .split('\n');
  const current = (name: string, hex: string) =>
    labSnapshotNode(name, { current: [{ ...labAllowed(''), fingerprint: hex as never }], previous: [] });
  const nodes = [
    current('n1', 'b0f8225257258da642ebd55f28499c4ac11fe2fe790a06a9588937c961cd322b'),
    current('n2', '242aabc84b2361949d7bba0f549ecc69c26362d07e597a256d149b3006423528'),
  ];
  const outcomes = (override: readonly SnapshotNode[]) =>
    lines.map((line) => {
      const parsed = parseSubjectAccessReview(utf8(line));
      const decision = authorize(view({}, override), parsed);
      return `${parsed.user} ${decision.kind === 'denied' ? decision.denial : decision.kind}`;
    });

  test('pass where the certificate is the node’s, and not where it is another', () => {
    expect(lines).toHaveLength(25);
    const counted = Map.groupBy(outcomes(nodes), (outcome) => outcome);
    expect(Object.fromEntries([...counted].map(([outcome, all]) => [outcome, all.length]))).toEqual({
      'system:node:n1 no-opinion': 15,
      'system:node:n1 credential-unknown': 3,
      'system:node:n2 no-opinion': 4,
      'system:node:n2 credential-unknown': 3,
    });
  });

  test('of a barred node are all denied, and of the other not', () => {
    const [n1, n2] = nodes;
    if (n1 === undefined || n2 === undefined) throw new Error('two nodes');
    const decided = outcomes([{ ...n1, state: 'barred' }, n2]);
    expect(decided.filter((outcome) => outcome.startsWith('system:node:n1 '))).toEqual(
      Array.from({ length: 18 }, () => 'system:node:n1 node-barred'),
    );
    expect(decided).toContain('system:node:n2 no-opinion');
  });
});

describe('a review', () => {
  test.each<[string, object]>([
    ['of another version', { apiVersion: 'authorization.k8s.io/v1beta1' }],
    ['of another kind', { kind: 'SelfSubjectAccessReview' }],
    ['without a spec', { spec: undefined }],
    ['whose user is no text', { spec: { user: 7 } }],
    ['whose groups are no list', { spec: { user: 'u', groups: 'system:nodes' } }],
    ['whose extra is no map of lists', { spec: { user: 'u', extra: { [NODE_NAME]: 'n1' } } }],
    ['whose verb is no text', { spec: { user: 'u', resourceAttributes: { verb: ['create'] } } }],
  ])('%s is refused', (_, change) => {
    const whole = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec: { user: 'u' } };
    expect(parseSubjectAccessReview(utf8(JSON.stringify(whole))).user).toBe('u');
    expect(() => parseSubjectAccessReview(utf8(JSON.stringify({ ...whole, ...change })))).toThrow(
      'not a SubjectAccessReview',
    );
  });

  test('that names a member twice is refused', () => {
    const text =
      '{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","spec":{"user":"a","user":"system:node:n1"}}';
    expect(() => parseSubjectAccessReview(utf8(text))).toThrow('duplicate-member');
  });

  test('may have members that nobody knows yet', () => {
    expect(
      decide({ conditional: { mode: 'x' }, resourceAttributes: { ...GET, labelSelector: { rawSelector: 'a' } } }),
    ).toBe('no-opinion');
  });
});
