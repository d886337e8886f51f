import { type AuthorizerDecision, DENIALS } from '../authorize.ts';
import { type Knowledge, STATEMENT_REFUSALS, type StatementRefusal } from './knowledge.ts';
import { Counter, gauge, Histogram, type Metric } from './metrics.ts';
import { REFUSED_STATUSES, type RefusedStatus } from './webhook.ts';

/** What happened in this process, to be counted. */
export interface AuthorizerMetrics {
  readonly all: readonly Metric[];
  readonly decided: (decision: AuthorizerDecision, seconds: number) => void;
  readonly refusedRequest: (status: RefusedStatus) => void;
  readonly refusedStatement: (refusal: StatementRefusal) => void;
  readonly serviceFailed: () => void;
}

const SECONDS = [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1];

/** The metrics of one authorizer; `docs/operations/authorizer.md` says which to alert on. */
export function authorizerMetrics(knowledge: Knowledge, identityEndsInMs: () => number | undefined): AuthorizerMetrics {
  const decisions = new Counter('muster_authorizer_decisions_total', 'Reviews answered.', 'decision', [
    'no-opinion',
    ...DENIALS,
  ]);
  const refused = new Counter(
    'muster_authorizer_requests_refused_total',
    'Requests that were no review of the API server, by status.',
    'status',
    REFUSED_STATUSES,
  );
  const statements = new Counter(
    'muster_authorizer_statements_refused_total',
    'Statements from the service that were not taken.',
    'reason',
    STATEMENT_REFUSALS,
  );
  const failures = new Counter(
    'muster_authorizer_service_failures_total',
    'Requests to the service without an answer.',
    'service',
    ['muster'],
  );
  const durations = new Histogram(
    'muster_authorizer_decision_seconds',
    'From the request’s head to the answer.',
    SECONDS,
  );
  const flag = (value: boolean): number => (value ? 1 : 0);
  return {
    all: [
      decisions,
      durations,
      refused,
      gauge('muster_authorizer_snapshot_usable', '0: nodes are denied, whatever they show.', () =>
        flag(knowledge.isUsable),
      ),
      gauge('muster_authorizer_snapshot_refused', '1: the snapshot on disk does not verify.', () =>
        flag(knowledge.isRefused),
      ),
      gauge('muster_authorizer_snapshot_age_seconds', 'Since the service vouched for it.', () =>
        knowledge.ageMs === undefined ? undefined : knowledge.ageMs / 1_000,
      ),
      gauge(
        'muster_authorizer_identity_expires_in_seconds',
        'Of the certificate that the service is asked with.',
        () => {
          const leftMs = identityEndsInMs();
          return leftMs === undefined ? undefined : leftMs / 1_000;
        },
      ),
      gauge('muster_authorizer_snapshot_change', 'Number of the newest change.', () => knowledge.snapshot?.change),
      gauge('muster_authorizer_snapshot_nodes', 'Managed nodes.', () => knowledge.snapshot?.size),
      statements,
      failures,
    ],
    decided: (decision, seconds) => {
      decisions.add(decision.kind === 'denied' ? decision.denial : 'no-opinion');
      durations.observe(seconds);
    },
    refusedRequest: (status) => refused.add(status),
    refusedStatement: (refusal) => statements.add(refusal),
    serviceFailed: () => failures.add('muster'),
  };
}
