import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

import { type AuthorizerDecision, DENIALS } from '../authorize.ts';
import { type Knowledge, STATEMENT_REFUSALS, type StatementRefusal } from './knowledge.ts';
import { REFUSED_STATUSES, type RefusedStatus } from './webhook.ts';

/** What happens in this process, to be counted. */
export interface AuthorizerMetrics {
  readonly decided: (decision: AuthorizerDecision, seconds: number) => void;
  readonly refusedRequest: (status: RefusedStatus) => void;
  readonly refusedStatement: (refusal: StatementRefusal) => void;
  readonly serviceFailed: () => void;
}

/** What the gauges read. */
type Known = Pick<Knowledge, 'isUsable' | 'isRefused' | 'ageMs'> & {
  readonly snapshot: { readonly change: number; readonly size: number } | undefined;
};

const SECONDS = [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1];

/**
 * The metrics of one authorizer, which `registry` then tells; `docs/operations/authorizer.md` says which to alert on. Every label's values are a
 * closed list, and each is there from 0 on: an alert on a rise needs the value before.
 */
export function authorizerMetrics(
  registry: Registry,
  knowledge: Known,
  identityEndsInMs: () => number | undefined,
): AuthorizerMetrics {
  const decisions = counterOf(registry, 'muster_authorizer_decisions_total', 'Reviews answered.', 'decision', [
    'no-opinion',
    ...DENIALS,
  ]);
  const durations = new Histogram({
    name: 'muster_authorizer_decision_seconds',
    help: 'From the request’s head to the answer.',
    buckets: SECONDS,
    registers: [registry],
  });
  const refused = counterOf(
    registry,
    'muster_authorizer_requests_refused_total',
    'Requests that were no review of the API server, by status.',
    'status',
    REFUSED_STATUSES,
  );
  knowledgeGauges(registry, knowledge);
  gaugeOf(
    registry,
    'muster_authorizer_identity_expires_in_seconds',
    'Of the certificate that the service is asked with.',
    () => secondsOf(identityEndsInMs()),
  );
  const statements = counterOf(
    registry,
    'muster_authorizer_statements_refused_total',
    'Statements from the service that were not taken.',
    'reason',
    STATEMENT_REFUSALS,
  );
  const failures = counterOf(
    registry,
    'muster_authorizer_service_failures_total',
    'Requests to the service without an answer.',
    'service',
    ['muster'],
  );
  return {
    decided: (decision, seconds) => {
      decisions(decision.kind === 'denied' ? decision.denial : 'no-opinion');
      durations.observe(seconds);
    },
    refusedRequest: refused,
    refusedStatement: statements,
    serviceFailed: () => failures('muster'),
  };
}

function knowledgeGauges(registry: Registry, knowledge: Known): void {
  const gauge = (name: string, help: string, read: () => number | undefined): void =>
    gaugeOf(registry, `muster_authorizer_snapshot_${name}`, help, read);
  gauge('usable', '0: nodes are denied, whatever they show.', () => flag(knowledge.isUsable));
  gauge('refused', '1: the snapshot on disk does not verify.', () => flag(knowledge.isRefused));
  gauge('age_seconds', 'Since the service vouched for it.', () => secondsOf(knowledge.ageMs));
  gauge('change', 'Number of the newest change.', () => knowledge.snapshot?.change);
  gauge('nodes', 'Managed nodes.', () => knowledge.snapshot?.size);
}

const flag = (value: boolean): number => (value ? 1 : 0);
const secondsOf = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1_000);

/** Counts by one label whose values are all known. */
function counterOf<Value extends string>(
  registry: Registry,
  name: string,
  help: string,
  label: string,
  values: readonly Value[],
): (value: Value) => void {
  const counter = new Counter({ name, help, labelNames: [label], registers: [registry] });
  // A child is looked up once: a decision is a few microseconds, and so is a look-up by labels.
  const children = new Map(values.map((value) => [value, counter.labels(value)]));
  for (const child of children.values()) child.inc(0);
  return (value) => children.get(value)?.inc();
}

/** A value read when it is asked for; undefined: there is none now, and no sample. */
function gaugeOf(registry: Registry, name: string, help: string, read: () => number | undefined): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      const value = read();
      if (value === undefined) this.remove();
      else this.set(value);
    },
  });
}
