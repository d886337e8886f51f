import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { utf8 } from '#core/bytes.ts';
import { isNodeName } from '#core/ids.ts';
import { JsonFormatError } from '#core/strict-json.ts';
import { authorize } from '#services/kubernetes/authorize.ts';
import { signStatement, verifyStatement } from '#services/kubernetes/signed-statement.ts';
import { parseStatement, renderStatement } from '#services/kubernetes/statement.ts';
import { StatementFormatError } from '#services/kubernetes/statement-format-error.ts';
import {
  parseSubjectAccessReview,
  SubjectAccessReviewFormatError,
} from '#services/kubernetes/subject-access-review.ts';
import { FUZZ_RUNS } from '#test/lab/fuzz-runs.ts';
import {
  labAllowed,
  labFingerprint,
  labSnapshot,
  labSnapshotKeys,
  labSnapshotNode,
  labStated,
} from '#test/lab/kubernetes-snapshot.ts';
import { NOON } from '#test/lab/store-values.ts';

const { privateKey, publicKey } = labSnapshotKeys();
const nodeName = fc.stringMatching(/^[a-z0-9]{1,8}$/).filter(isNodeName);
const node = fc
  .record({
    name: nodeName,
    state: fc.constantFrom('enrolled', 'pending', 'joined', 'quarantined', 'barred', 'retired'),
    current: fc.array(
      fc.string().map((text) => labAllowed(text)),
      { maxLength: 8 },
    ),
    previous: fc.array(
      fc.string().map((text) => labAllowed(text)),
      { maxLength: 8 },
    ),
    uids: fc.array(fc.uuid(), { maxLength: 8 }),
  })
  .map(({ name, ...facts }) => labSnapshotNode(name, facts));
const stated = fc
  .record({
    nodes: fc.uniqueArray(node, { selector: ({ name }) => name, maxLength: 6 }),
    unmanaged: fc.uniqueArray(nodeName, { maxLength: 4 }),
    change: fc.nat(),
  })
  .map(({ nodes, unmanaged, change }) =>
    labStated(
      nodes.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
      { unmanaged: unmanaged.toSorted(), change },
    ),
  );

/** What `work` throws, where it is not one of `known`. */
function strangeError(work: () => unknown, ...known: readonly (abstract new (...args: never[]) => Error)[]): unknown {
  try {
    work();
    return undefined;
  } catch (error) {
    return known.some((type) => error instanceof type) ? undefined : error;
  }
}

describe('statements', () => {
  test('say what they were made to say', () => {
    fc.assert(
      fc.property(stated, (said) => {
        const bytes = signStatement(said, privateKey);
        expect(verifyStatement(bytes, 0, publicKey)).toEqual({ ok: true, stated: said, end: bytes.byteLength });
      }),
      { numRuns: FUZZ_RUNS },
    );
  });

  test('that were changed anywhere are read differently or not at all, and fail in one way', () => {
    fc.assert(
      fc.property(stated, fc.nat(), fc.string({ maxLength: 3 }), fc.nat(4), (said, place, inserted, cut) => {
        const text = renderStatement(said);
        const at = place % text.length;
        const changed = text.slice(0, at) + inserted + text.slice(at + cut);
        expect(strangeError(() => parseStatement(changed), StatementFormatError)).toBeUndefined();
        try {
          expect(renderStatement(parseStatement(changed))).toBe(changed);
        } catch (error) {
          if (!(error instanceof StatementFormatError)) throw error;
        }
      }),
      { numRuns: FUZZ_RUNS },
    );
  });

  test('are never made of other bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(400), (bytes, start) => {
        expect(strangeError(() => verifyStatement(bytes, start, publicKey), StatementFormatError)).toBeUndefined();
      }),
      { numRuns: FUZZ_RUNS },
    );
  });
});

describe('reviews', () => {
  const view = {
    snapshot: labSnapshot([labSnapshotNode('n1'), labSnapshotNode('n2', { state: 'barred' })], { unmanaged: ['cp-1'] }),
    now: NOON,
    maxAgeMs: 60_000,
    isUsed: () => false,
    allowNodeCsr: false,
  };
  const member = fc.oneof(
    fc.string(),
    fc.array(fc.string()),
    fc.dictionary(fc.string(), fc.array(fc.string())),
    fc.jsonValue(),
  );
  const spec = fc.record(
    {
      user: fc.oneof(fc.constantFrom('system:node:n1', 'system:node:n2', 'system:node:', 'alice'), member),
      groups: fc.oneof(fc.constantFrom(['system:nodes'], []), member),
      extra: fc.oneof(
        fc.constant({ 'authentication.kubernetes.io/credential-id': [`X509SHA256=${labFingerprint('n2 new')}`] }),
        fc.constant({ 'authentication.kubernetes.io/node-name': ['n2'] }),
        member,
      ),
      resourceAttributes: member,
    },
    { requiredKeys: [] },
  );

  test('of any shape are decided on or refused, and no node but the one with its own certificate passes', () => {
    fc.assert(
      fc.property(spec, (made) => {
        const body = utf8(
          JSON.stringify({ apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec: made }),
        );
        const decide = () => authorize(view, parseSubjectAccessReview(body));
        expect(strangeError(decide, JsonFormatError, SubjectAccessReviewFormatError)).toBeUndefined();
        try {
          const { kind } = decide();
          const isNode =
            (typeof made.user === 'string' && made.user.startsWith('system:node:')) ||
            (Array.isArray(made.groups) && made.groups.some((group) => group === 'system:nodes'));
          // Nothing above makes n1's fingerprint, so no node may pass.
          expect(isNode && kind !== 'denied').toBe(false);
        } catch (error) {
          if (!(error instanceof JsonFormatError || error instanceof SubjectAccessReviewFormatError)) throw error;
        }
      }),
      { numRuns: FUZZ_RUNS },
    );
  });
});
