import type { AuditEvent } from '#core/audit-record.ts';
import type { Clock } from '#core/clock.ts';
import type { CertificateFingerprint } from '#core/ids.ts';
import type { NodeRecord } from '#core/node-record.ts';
import { heartbeatRequestSchema, heartbeatResponseSchema } from '#protocol/heartbeat.ts';
import { heartbeatRefused } from '#services/audit/contact-events.ts';
import type { Occasion } from '#services/audit/events.ts';
import type { NodePeer, PeerCertificate } from '#services/http/node-peer.ts';
import { chargeAll, RateLimit } from '#services/http/rate-limit.ts';
import { type CheckedRequest, nodeCertificateRoute, nothing, type Route } from '#services/http/route.ts';
import type { StoreReader } from '#services/store/store.ts';

import { authenticateNode, type NodeAuthentication } from './authenticate-node.ts';
import type { NodeContacts } from './node-contacts.ts';

export interface HeartbeatRoutesDeps {
  readonly now: Clock;
  readonly elapsedMs: () => number;
  readonly store: Pick<StoreReader, 'findCertificate' | 'findNode'>;
  readonly contacts: Pick<NodeContacts, 'heard' | 'of'>;
  readonly appendAudit: (event: AuditEvent) => Promise<unknown>;
  /** True where the certificate shows that a node's key has two holders; the node is quarantined then. */
  readonly exposesCopy: (node: NodeRecord, shown: CertificateFingerprint, occasion: Occasion) => Promise<boolean>;
  /** What nodes are told to wait from one heartbeat to the next. */
  readonly nextSeconds: number;
}

const BODY_BYTES = 1_024;
/** Of one node. */
const RATE = { burst: 20, perMinute: 60 };
/** Of one certificate that is refused for one reason: a node that goes on asking fills no log. */
const REFUSALS_RECORDED = { burst: 1, perMinute: 0.1 };

/** Where joined nodes say that they are there. */
export function heartbeatRoutes(deps: HeartbeatRoutesDeps): readonly Route<NodePeer>[] {
  const { now, elapsedMs, store, contacts, nextSeconds } = deps;
  const rate = new RateLimit(RATE);
  const recordRefusal = refusalRecorder(deps);
  return [
    nodeCertificateRoute({
      method: 'POST',
      path: '/v1/heartbeats',
      operationId: 'heartbeat',
      summary: 'A joined node says that it is there, with its certificate',
      params: nothing,
      query: nothing,
      body: { schema: heartbeatRequestSchema, limitBytes: BODY_BYTES },
      answers: { 200: { description: 'When to say it again', schema: heartbeatResponseSchema } },
      problems: ['authentication-required', 'permission-denied', 'node-barred', 'rate-limited'],
      handle: async (
        request: CheckedRequest<NodePeer, unknown, unknown, { bootId: string; agentVersion: string; clock: string }>,
      ) => {
        const { caller, body, origin } = request;
        const at = now();
        const authentication = await authenticateNode(store, caller.certificate, at);
        if (!authentication.ok) {
          await recordRefusal(request, caller.certificate, authentication);
          return { problem: authentication.problem };
        }
        const { node } = authentication;
        const retryAfterSeconds = chargeAll([[rate, node.id]], elapsedMs());
        if (retryAfterSeconds !== undefined) return { problem: 'rate-limited', retryAfterSeconds };
        const occasion = { at, requestId: request.requestId, address: origin ?? 'unrecognised' };
        const shown = caller.certificate?.fingerprint;
        if (shown !== undefined && (await deps.exposesCopy(node, shown, occasion)))
          return { problem: 'permission-denied' };
        const { bootId, agentVersion, clock } = body;
        const clockOffsetMs = new Date(clock).getTime() - at.getTime();
        contacts.heard({ nodeId: node.id, name: node.name, at, address: origin, bootId, agentVersion, clockOffsetMs });
        return {
          status: 200,
          body: { nextSeconds, renewNow: isRenewalDue(node, contacts.of(node.id)?.renewRequestedAt) },
        };
      },
    }),
  ];
}

/** Asked for, and not done since. */
const isRenewalDue = ({ lastJoinAt }: NodeRecord, requestedAt: Date | undefined): boolean =>
  requestedAt !== undefined && (lastJoinAt === undefined || lastJoinAt < requestedAt);

/** Puts refusals of certificates that our CA signed on record. Strangers are not: a flood of them would bury the rest. */
function refusalRecorder({ now, elapsedMs, appendAudit }: HeartbeatRoutesDeps) {
  const recorded = new RateLimit(REFUSALS_RECORDED);
  return async (
    { requestId, origin }: Pick<CheckedRequest<unknown, unknown, unknown, unknown>, 'requestId' | 'origin'>,
    certificate: PeerCertificate | undefined,
    { reason, node }: Extract<NodeAuthentication, { ok: false }>,
  ): Promise<void> => {
    if (certificate === undefined) return;
    const { serial, fingerprint } = certificate;
    if (chargeAll([[recorded, `${fingerprint} ${reason}`]], elapsedMs()) !== undefined) return;
    const occasion = { at: now(), requestId, address: origin ?? 'unrecognised' };
    await appendAudit(heartbeatRefused(occasion, { reason, serial, fingerprint, nodeName: node?.name }));
  };
}
