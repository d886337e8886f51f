import { Counter, Histogram, type Registry } from 'prom-client';

import { PROBLEMS } from '#protocol/problem.ts';
import type { RequestFacts } from '#services/http/request-log.ts';

/** The parts of a join that are timed. `store` is each call of it, and a join makes several. */
export const PHASES = ['verify', 'appraise', 'callback', 'store', 'sign'] as const;
export type Phase = (typeof PHASES)[number];

/** What an OCSP request was answered with. */
export const OCSP_ANSWERS = ['signed', 'unauthorized', 'try-later', 'malformed'] as const;
export type OcspAnswer = (typeof OCSP_ANSWERS)[number];

/** What happens in this process, to be counted. */
export interface EventMetrics {
  readonly answered: (facts: RequestFacts) => void;
  readonly phaseTook: (phase: Phase, seconds: number) => void;
  /** A join was refused for these reasons. */
  readonly denied: (codes: readonly string[]) => void;
  /** Two hold one key. */
  readonly conflicted: () => void;
  readonly policyRead: (taken: boolean) => void;
  readonly ocspAnswered: (answer: OcspAnswer) => void;
}

/** A join is a few milliseconds where nothing is measured, and seconds where a callback or a key server is slow. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20];

const PROBLEM_NAMES = Object.keys(PROBLEMS);
/** The caller was gone before there was an answer. */
const ABANDONED = 'abandoned';

/** Counts what `registry` then tells. Every label's values are a closed list; each outcome is there from 0 on. */
export function eventMetrics(registry: Registry): EventMetrics {
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, ...labelNames: readonly L[]) =>
    new Counter({ name, help, labelNames, registers });
  const outcomes = {
    '/v1/joins': counter('muster_joins_total', 'Joins answered, by outcome.', 'outcome'),
    '/v1/challenges': counter('muster_challenges_total', 'Challenges answered, by outcome.', 'outcome'),
    '/v1/heartbeats': counter('muster_heartbeats_total', 'Heartbeats answered, by outcome.', 'outcome'),
  };
  const joinSeconds = new Histogram({
    name: 'muster_join_seconds',
    help: 'From the head of a join’s request to the end of its answer.',
    buckets: SECONDS,
    registers,
  });
  const phases = new Histogram({
    name: 'muster_join_phase_seconds',
    help: 'Parts of a join.',
    labelNames: ['phase'],
    buckets: SECONDS,
    registers,
  });
  const requests = counter(
    'muster_requests_total',
    'Requests answered, by listener, route and status.',
    'listener',
    'route',
    'status',
  );
  const denials = counter('muster_join_denials_total', 'Reasons that joins were refused for.', 'code');
  const conflicts = counter('muster_key_conflicts_total', 'Two that proved to hold one key; nodes were quarantined.');
  const reloads = counter('muster_policy_reads_total', 'Times that the policy was read again.', 'outcome');
  const ocsp = counter('muster_ocsp_answers_total', 'OCSP requests answered.', 'answer');

  for (const phase of PHASES) phases.zero({ phase });
  for (const answer of OCSP_ANSWERS) ocsp.inc({ answer }, 0);
  for (const outcome of ['loaded', 'refused']) reloads.inc({ outcome }, 0);
  for (const [route, metric] of Object.entries(outcomes)) {
    const good = Object.values(GOOD[route] ?? {});
    for (const outcome of [...good, ABANDONED, ...PROBLEM_NAMES]) metric.inc({ outcome }, 0);
  }

  return {
    answered: (facts) => {
      const { listener, method, route, status, durationMs } = facts;
      requests.inc({ listener, route: route ?? 'none', status: String(status) });
      if (method !== 'POST' || !isCounted(route)) return;
      outcomes[route].inc({ outcome: outcomeOf(route, facts) });
      if (route === '/v1/joins') joinSeconds.observe(durationMs / 1_000);
    },
    phaseTook: (phase, seconds) => phases.observe({ phase }, seconds),
    denied: (codes) => {
      for (const code of codes) denials.inc({ code });
    },
    conflicted: () => conflicts.inc(),
    policyRead: (taken) => reloads.inc({ outcome: taken ? 'loaded' : 'refused' }),
    ocspAnswered: (answer) => ocsp.inc({ answer }),
  };

  function isCounted(route: string | undefined): route is keyof typeof outcomes {
    return route !== undefined && Object.hasOwn(outcomes, route);
  }
}

/** What a status says where there is no problem, by route. */
const GOOD: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  '/v1/joins': { 201: 'admitted', 202: 'awaiting-approval' },
  '/v1/challenges': { 201: 'opened' },
  '/v1/heartbeats': { 200: 'taken' },
};

const outcomeOf = (route: string, { problem, status }: RequestFacts): string =>
  problem ?? GOOD[route]?.[status] ?? ABANDONED;
