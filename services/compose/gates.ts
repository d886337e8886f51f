import type { AuditEvent } from '#core/audit-record.ts';
import type { Clock } from '#core/clock.ts';
import type { Gate } from '#services/http/app.ts';
import { adminRefused } from '#services/audit/events.ts';
import { type NodePeer, nodePeerOf } from '#services/http/node-peer.ts';
import { authenticate, type IsAdministrator, type Principal } from '#services/http/principal.ts';
import { permits } from '#services/http/roles.ts';

/** The node listener's: whoever reaches it may call. What a caller is, a join has to prove; heartbeats ask for a certificate themselves. */
export const nodeGate: Gate<NodePeer> = {
  identify: (socket) => Promise.resolve(nodePeerOf(socket)),
  permits: (_, permission) => permission === undefined,
  nameOf: () => undefined,
  authenticated: false,
  recordRefusal: () => Promise.resolve(),
};

export interface AdminGateDeps {
  readonly now: Clock;
  readonly isAdministrator: IsAdministrator;
  readonly appendAudit: (event: AuditEvent) => Promise<unknown>;
}

/** The admin listener's: administrators alone, each within its role. Who is turned away is on record. */
export function adminGate({ now, isAdministrator, appendAudit }: AdminGateDeps): Gate<Principal> {
  return {
    identify: (socket) => authenticate(socket, now(), isAdministrator),
    // A route without a permission is not the admin listener's.
    permits: ({ role }, permission) => permission !== undefined && permits(role, permission),
    nameOf: ({ name }) => name,
    authenticated: true,
    recordRefusal: async ({ caller, requestId, origin, problem, method, path }) => {
      const occasion = { at: now(), requestId, address: origin ?? 'unrecognised' };
      await appendAudit(adminRefused(occasion, caller?.name, { problem, method, path }));
    },
  };
}
