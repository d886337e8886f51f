import type { Denial } from '#attestation/result.ts';
import type { EvidencePolicy } from '#attestation/evidence-policy.ts';
import { type Activation, buildActivation } from '#attestation/tpm2/activation.ts';
import { identifyEk } from '#attestation/tpm2/identify-ek.ts';
import type { AuditEvent } from '#core/audit-record.ts';
import { toBase64Url } from '#core/bytes.ts';
import type { Clock } from '#core/clock.ts';
import type { EkFingerprint } from '#core/ids.ts';
import type { NodeRecord } from '#core/node-record.ts';
import type { RandomSource } from '#core/random.ts';
import type { ChallengeRequest, ChallengeResponseBody } from '#protocol/challenge.ts';
import type { FieldError, ProblemName } from '#protocol/problem.ts';
import { challengeRefused } from '#services/audit/events.ts';
import type { Origin } from '#services/http/origin.ts';

import { type Caller, UNRECOGNISED } from './caller.ts';
import type { JoinPolicy } from './join-policy.ts';
import type { TicketFacts } from './ticket-facts.ts';
import { sealTicket, TICKET_CERTIFICATES_MAX_BYTES, TICKET_LIFETIME_SECONDS, type TicketKey } from './ticket.ts';

const NONCE_BYTES = 32;

export interface OpenChallengeDeps {
  readonly now: Clock;
  readonly random: RandomSource;
  readonly ticketKey: TicketKey;
  /** The policy in force. */
  readonly policy: () => JoinPolicy;
  readonly findNodeByEk: (ek: EkFingerprint) => Promise<NodeRecord | undefined>;
  readonly appendAudit: (event: AuditEvent) => Promise<unknown>;
}

export type ChallengeOutcome =
  | { readonly ok: true; readonly response: ChallengeResponseBody }
  | { readonly ok: false; readonly problem: ChallengeProblem; readonly errors?: readonly FieldError[] };

type ChallengeProblem = Extract<ProblemName, 'origin-refused' | 'evidence-rejected' | 'malformed-request'>;

/**
 * A challenge for the EK and AK that the caller shows, sealed into a ticket that expires in a minute; nothing is stored.
 *
 * Whoever calls from a segment, with keys in due form, gets one: also for an EK that nobody enrolled, so that the answer does not tell
 * who is. Whether the node may join is decided by `admitNode` alone. Segments come first: no cryptography is done for other callers.
 */
export async function openChallenge(
  deps: OpenChallengeDeps,
  request: ChallengeRequest,
  caller: Caller,
): Promise<ChallengeOutcome> {
  const { attester, nodeName: claimedNodeName } = request;
  const { origin } = caller;
  const inForce = deps.policy();
  let node: NodeRecord | undefined;
  let ekFingerprint: EkFingerprint | undefined;

  if (origin === undefined || !inForce.admitsFrom(origin)) return refuse('origin-refused');
  if (attester.kind !== 'tpm2-quote')
    return refuse('evidence-rejected', { denials: [{ code: 'evidence-kind-unexpected' }] });

  const claimed = identifyEk(attester.ekPublic);
  if (!claimed.ok) return refuseKey(claimed.denial);
  ekFingerprint = claimed.fingerprint;
  node = await deps.findNodeByEk(claimed.fingerprint);
  if (node !== undefined && inForce.policy.pools.has(node.pool) && !inForce.admitsTo(node.pool, origin)) {
    return refuse('origin-refused');
  }
  const certificateBytes = attester.ekCertificates.reduce((sum, { byteLength }) => sum + byteLength, 0);
  if (certificateBytes > TICKET_CERTIFICATES_MAX_BYTES) {
    return malformed({
      pointer: '/attester/ekCertificates',
      detail: `over ${TICKET_CERTIFICATES_MAX_BYTES} bytes in all`,
    });
  }

  const activation = buildActivation({ ...attester, random: deps.random });
  if (!activation.ok) return refuseKey(activation.denial);
  return { ok: true, response: writeChallenge(deps, inForce, { request, attester, node, origin, activation }) };

  function refuseKey(denial: Denial): Promise<ChallengeOutcome> {
    // What is wrong with the caller's own bytes may be said; that sound bytes are a key we do not take is for the log.
    return denial.code === 'evidence-malformed'
      ? malformed({ pointer: '/attester', detail: denial.detail ?? denial.code }, denial)
      : refuse('evidence-rejected', { denials: [denial] });
  }

  function malformed(error: FieldError, ...denials: readonly Denial[]): Promise<ChallengeOutcome> {
    return refuse('malformed-request', { reason: `${error.pointer}: ${error.detail}`, errors: [error], denials });
  }

  async function refuse(
    problem: ChallengeProblem,
    {
      reason,
      denials = [],
      errors,
    }: { reason?: string; denials?: readonly Denial[]; errors?: readonly FieldError[] } = {},
  ): Promise<ChallengeOutcome> {
    const occasion = { at: deps.now(), requestId: caller.requestId, address: origin ?? UNRECOGNISED };
    const known = { claimedNodeName, ekFingerprint, nodeName: node?.name, policyVersion: inForce.policy.version };
    await deps.appendAudit(challengeRefused(occasion, { problem, reason, denials, ...known }));
    return { ok: false, problem, ...(errors === undefined ? {} : { errors }) };
  }
}

interface Granted {
  readonly request: ChallengeRequest;
  readonly attester: Extract<ChallengeRequest['attester'], { kind: 'tpm2-quote' }>;
  readonly node: NodeRecord | undefined;
  readonly origin: Origin;
  readonly activation: Extract<Activation, { ok: true }>;
}

function writeChallenge(deps: OpenChallengeDeps, inForce: JoinPolicy, granted: Granted): ChallengeResponseBody {
  const { attester, node, origin, activation } = granted;
  const { bank, pcrs } = poolToProve(inForce, node, origin).tpm2;
  const nonce = deps.random(NONCE_BYTES);
  const expiresAt = new Date(deps.now().getTime() + TICKET_LIFETIME_SECONDS * 1_000);
  const facts: TicketFacts = {
    nonce,
    claimedNodeName: granted.request.nodeName,
    ekPublic: attester.ekPublic,
    ekCertificates: attester.ekCertificates,
    akPublic: attester.akPublic,
    activationSecret: activation.secret,
    bank,
    pcrs,
    ekFingerprint: activation.ekFingerprint,
    policyVersion: inForce.policy.version,
    origin,
    expiresAt,
  };
  return {
    ticket: toBase64Url(sealTicket(facts, deps.ticketKey, deps.random)),
    expiresAt: expiresAt.toISOString(),
    nonce: toBase64Url(nonce),
    attester: {
      kind: 'tpm2-quote',
      credentialBlob: toBase64Url(activation.credentialBlob),
      encryptedSecret: toBase64Url(activation.encryptedSecret),
      pcrSelection: [{ hash: bank, pcrs: [...pcrs] }],
      logs: [],
    },
  };
}

/** What the caller must prove: its pool's demands, or for an EK without a pool those of the first pool that takes joins from there. */
function poolToProve(inForce: JoinPolicy, node: NodeRecord | undefined, origin: Origin): EvidencePolicy {
  const own = node === undefined ? undefined : inForce.policy.pools.get(node.pool);
  const pool = own ?? inForce.anyPoolFor(origin);
  if (pool === undefined) throw new Error('an admitted origin is in some pool’s segment');
  return pool;
}
