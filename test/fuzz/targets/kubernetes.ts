import { type Bytes, utf8 } from '#core/bytes.ts';
import { JsonFormatError } from '#core/strict-json.ts';
import { authorize } from '#services/kubernetes/authorize.ts';
import { signStatement, verifyStatement } from '#services/kubernetes/signed-statement.ts';
import { parseStatement, renderStatement } from '#services/kubernetes/statement.ts';
import { StatementFormatError } from '#services/kubernetes/statement-format-error.ts';
import {
  parseSubjectAccessReview,
  SubjectAccessReviewFormatError,
} from '#services/kubernetes/subject-access-review.ts';
import { FalseAcceptError, type FuzzTarget, ownErrors } from '#test/fuzz/engine/fuzz-target.ts';
import { labSnapshot, labSnapshotKeys, labSnapshotNode, labStated } from '#test/lab/kubernetes-snapshot.ts';
import { NOON } from '#test/lab/store-values.ts';
import { vectorBytes } from '#test/lab/vectors.ts';

const { privateKey, publicKey } = labSnapshotKeys();
const NODES = [labSnapshotNode('n1'), labSnapshotNode('n2', { state: 'barred' })];
const STATED = labStated(NODES, { unmanaged: ['cp-1'] });
const STATEMENT = renderStatement(STATED);
const SIGNED = signStatement(STATED, privateKey);

const VIEW = {
  snapshot: labSnapshot(NODES, { unmanaged: ['cp-1'] }),
  now: NOON,
  maxAgeMs: 60_000,
  isUsed: () => false,
  allowNodeCsr: false,
};
const REVIEWS = Buffer.from(vectorBytes('kubernetes/subject-access-reviews.ndjson'))
  .toString('utf8')
  .trim()
  .split('\n')
  .slice(0, 20)
  .map(utf8);

/** What the API server and the service tell an authorizer. */
export const KUBERNETES_TARGETS: readonly FuzzTarget[] = [
  {
    name: 'SubjectAccessReview',
    shape: 'text',
    maxBytes: 65_536,
    seeds: REVIEWS,
    isOwnError: ownErrors(JsonFormatError, SubjectAccessReviewFormatError),
    read: (input) => {
      const review = parseSubjectAccessReview(input);
      const isNode = review.user.startsWith('system:node:') || review.groups.includes('system:nodes');
      // No seed has a fingerprint that the snapshot allows.
      if (authorize(VIEW, review).kind !== 'denied' && isNode && review.user !== 'system:node:cp-1') {
        throw new FalseAcceptError('a node without a certificate of its own passes');
      }
      return true;
    },
  },
  {
    name: 'snapshot statement',
    shape: 'text',
    maxBytes: 65_536,
    seeds: [utf8(STATEMENT)],
    isOwnError: ownErrors(StatementFormatError),
    read: (input) => {
      const text = Buffer.from(input).toString('latin1');
      if (renderStatement(parseStatement(text)) !== text) throw new FalseAcceptError('two spellings of one statement');
      return true;
    },
  },
  {
    name: 'signed statement',
    shape: 'text',
    maxBytes: 65_536,
    seeds: [SIGNED],
    isOwnError: ownErrors(StatementFormatError),
    read: (input) => {
      const outcome = verifyStatement(input, 0, publicKey);
      if (outcome.ok && !isPrefix(SIGNED, input)) throw new FalseAcceptError('a changed statement is taken');
      return outcome.ok;
    },
  },
];

/** What follows a statement is the next one's. */
const isPrefix = (wanted: Bytes, input: Bytes): boolean =>
  Buffer.compare(wanted, input.subarray(0, wanted.byteLength)) === 0;
