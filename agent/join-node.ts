import { generateKeyPairSync } from 'node:crypto';

import type { Clock } from '#core/clock.ts';

import { openAttester } from './attester.ts';
import { openJoinService } from './client.ts';
import type { AgentConfig } from './config.ts';
import { joinCluster, type JoinOutcome } from './join-cluster.ts';
import { openMeasurementAttester } from './measurements/attester.ts';
import { followNodeCas } from './node-cas.ts';
import { enrolByToken } from './measurements/enrol-by-token.ts';
import type { PatienceDeps } from './retry.ts';
import { JoinTrace } from './tracing/join-trace.ts';
import { sendSpans } from './tracing/send-spans.ts';
import { traceAttester, traceService } from './tracing/trace-parts.ts';

export interface JoinNodeDeps extends PatienceDeps {
  readonly now: Clock;
  /** Aborted: requests are broken off, and have no answer. */
  readonly signal?: AbortSignal | undefined;
}

/** `joinCluster` with this machine's TPM, or the key that signs its measurements, and the configured services. The caller holds the join lock. Throws as `joinCluster` does. */
export async function joinNode(config: AgentConfig, deps: JoinNodeDeps): Promise<JoinOutcome> {
  const { tracing } = config;
  if (tracing === undefined) return await joinInTrace(config, deps, undefined);
  const trace = new JoinTrace(deps);
  deps.progress(`The trace of this join is ${trace.id}.`);
  let status: JoinOutcome['status'] | undefined;
  try {
    const outcome = await joinInTrace(config, deps, trace);
    ({ status } = outcome);
    return outcome;
  } finally {
    const spans = trace.end(status !== 'joined');
    // Not waited for: the node has its outcome.
    if (tracing.collector !== undefined) void sendSpans(tracing.collector, spans);
  }
}

async function joinInTrace(
  config: AgentConfig,
  deps: JoinNodeDeps,
  trace: JoinTrace | undefined,
): Promise<JoinOutcome> {
  using client = openJoinService({
    ...config,
    ...deps,
    traceparent: trace === undefined ? undefined : () => trace.traceparent,
  });
  const service = trace === undefined ? client : traceService(client, trace);
  const { measurements } = config;
  if (measurements !== undefined) {
    const notEnrolled = await enrolByToken(config, measurements, { ...deps, service });
    if (notEnrolled !== undefined) return notEnrolled;
  }
  const open = () =>
    measurements === undefined
      ? openAttester(config.tpm, deps.random)
      : openMeasurementAttester(config, measurements, deps);
  // A file in the configuration is a pin: nothing that the service says moves it.
  const nodeCa = config.nodeCa ?? (await followNodeCas(config, deps));
  return await joinCluster(
    {
      ...deps,
      service,
      openAttester: trace === undefined ? open : traceAttester(open, trace),
      newKey: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
    },
    { ...config, nodeCa },
  );
}
