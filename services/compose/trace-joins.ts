import type { Denial, Verification } from '#attestation/result.ts';
import type { Signer } from '#pki/signer.ts';
import type { JoinRoutesDeps } from '#services/join/routes.ts';
import type { ServerConfig } from '#services/config/config.ts';
import type { SpanFacts, SpanName, Tracing } from '#services/tracing/tracing.ts';

/**
 * The same parts of a join, each with a span. What they do is unchanged. Once a node was found admissible its own trace is gone on with; until
 * then a caller is anybody.
 */
export function traceJoins(deps: JoinRoutesDeps, tracing: Tracing, store: ServerConfig['store']): JoinRoutesDeps {
  const { traced, trustCaller } = tracing;
  const database: SpanFacts = { 'db.system.name': store.kind === 'sqlite' ? 'sqlite' : 'postgresql' };
  const inStore =
    <Args extends readonly unknown[], T>(name: SpanName, work: (...args: Args) => Promise<T>) =>
    (...args: Args): Promise<T> =>
      traced(name, database, () => work(...args));
  const { issuer, work } = deps;
  return {
    ...deps,
    work: {
      run: async (piece) => {
        const place = Promise.withResolvers<void>();
        void traced('wait for a place', {}, () => place.promise);
        try {
          return await work.run(() => {
            place.resolve();
            return piece();
          });
        } finally {
          place.resolve();
        }
      },
    },
    findNodeByEk: inStore('find node', deps.findNodeByEk),
    takeTicket: inStore('take ticket', deps.takeTicket),
    reserveSerial: inStore('reserve serial', deps.reserveSerial),
    recordIssued: inStore('record issued', deps.recordIssued),
    appendAudit: inStore('append audit record', deps.appendAudit),
    verifyEvidence: (input) => traced('verify evidence', {}, () => deps.verifyEvidence(input), verdictOf),
    appraise: async (input) => {
      const result = await traced(
        'appraise',
        {},
        () => deps.appraise(input),
        ({ status, ...rest }) => ({
          'muster.outcome': status,
          ...('denials' in rest ? codesOf(rest.denials) : {}),
        }),
      );
      if (result.status === 'affirming') trustCaller();
      return result;
    },
    callBack: (callback) =>
      traced(
        'call back',
        {},
        () => deps.callBack(callback),
        (outcome) =>
          outcome.ok ? { 'muster.outcome': 'answered' } : { 'muster.outcome': 'refused', ...codesOf([outcome]) },
      ),
    issuer: {
      prepare: (...intent) => issuer.prepare(...intent),
      sign: (intent) => traced('sign certificate', {}, () => issuer.sign(intent)),
    },
  };
}

/** The same signer; each signature asked of it has a span, the wait for a key server in it. */
export const traceSigner = (signer: Signer, { traced }: Tracing, kind: 'file' | 'vault' | 'pkcs11'): Signer => ({
  spki: signer.spki,
  sign: (tbs) => traced('ask signer', { 'muster.signer': kind }, () => signer.sign(tbs)),
});

const verdictOf = (verdict: Verification): SpanFacts =>
  verdict.ok ? { 'muster.outcome': 'verified' } : { 'muster.outcome': 'refused', ...codesOf(verdict.denials) };

const codesOf = (denials: readonly Pick<Denial, 'code'>[]): SpanFacts => ({
  'muster.denials': denials.map(({ code }) => code),
});
