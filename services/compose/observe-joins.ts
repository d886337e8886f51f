import type { AuditEvent } from '#core/audit-record.ts';
import type { JoinRoutesDeps } from '#services/join/routes.ts';
import type { EventMetrics, Phase } from '#services/metrics/event-metrics.ts';

type Watcher = Pick<EventMetrics, 'phaseTook' | 'denied' | 'conflicted'>;

/** The same parts of a join, each timed; the reasons of refusals and the conflicts are counted. What they do is unchanged. */
export function observeJoins(deps: JoinRoutesDeps, watcher: Watcher, elapsedMs: () => number): JoinRoutesDeps {
  const timed =
    <Args extends readonly unknown[], T>(phase: Phase, work: (...args: Args) => Promise<T>) =>
    async (...args: Args): Promise<T> => {
      const begunMs = elapsedMs();
      try {
        return await work(...args);
      } finally {
        watcher.phaseTook(phase, (elapsedMs() - begunMs) / 1_000);
      }
    };
  const { issuer, appendAudit, alert } = deps;
  return {
    ...deps,
    verifyEvidence: timed('verify', deps.verifyEvidence),
    appraise: timed('appraise', deps.appraise),
    callBack: timed('callback', deps.callBack),
    takeTicket: timed('store', deps.takeTicket),
    findNodeByEk: timed('store', deps.findNodeByEk),
    reserveSerial: timed('store', deps.reserveSerial),
    recordIssued: timed('store', deps.recordIssued),
    issuer: {
      prepare: (...intent) => issuer.prepare(...intent),
      sign: timed('sign', (intent) => issuer.sign(intent)),
    },
    appendAudit: async (event) => {
      watcher.denied(denialCodes(event));
      return appendAudit(event);
    },
    alert: (...told) => {
      watcher.conflicted();
      alert(...told);
    },
  };
}

/** The codes in a refusal's record. Every one is the Verifier's own word: nothing that a caller wrote is a label. */
function denialCodes({ type, facts }: AuditEvent): readonly string[] {
  const { denials } = facts;
  if (type !== 'join.refused' || !Array.isArray(denials)) return [];
  return denials.flatMap((denial: unknown) =>
    typeof denial === 'object' && denial !== null && 'code' in denial && typeof denial.code === 'string'
      ? [denial.code]
      : [],
  );
}
