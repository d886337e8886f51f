import { appraiseInSteps } from '#attestation/appraise.ts';
import { verifyEvidenceInSteps } from '#attestation/verify-evidence.ts';
import type { AuditEvent } from '#core/audit-record.ts';
import { isNodeName } from '#core/ids.ts';
import { createIssuer } from '#pki/issuer.ts';
import { createProfile, MAX_TTL_SECONDS } from '#pki/profile.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { parsePemOf } from '#pki/x509/pem.ts';
import { forAnybody } from '#services/http/node-peer.ts';
import { heartbeatRoutes } from '#services/inventory/heartbeat-routes.ts';
import type { NodeContacts } from '#services/inventory/node-contacts.ts';
import { callBack } from '#services/join/callback.ts';
import { joinLimits } from '#services/join/join-limits.ts';
import { keyRoutes } from '#services/join/key-routes.ts';
import { joinRoutes, type JoinRoutesDeps } from '#services/join/routes.ts';
import { signerGate } from '#services/join/signer-gate.ts';
import { type Authorities, sentIssuersPem } from '#services/authorities.ts';
import type { Tracing } from '#services/tracing/tracing.ts';

import { copyExposer } from './copy-exposer.ts';
import type { KeptSignals } from './keep-signals.ts';
import { elapsedMs, inTurns } from './monotonic.ts';
import { nodeWork } from './node-work.ts';
import { observeJoins } from './observe-joins.ts';
import { joinPolicyOf } from './ready-policy.ts';
import type { ServiceParts } from './service-parts.ts';
import { traceJoins, traceSigner } from './trace-joins.ts';

/** What the nodes' listener needs of the running service besides its parts. */
export interface NodeApiNeeds {
  readonly authorities: Authorities;
  readonly contacts: NodeContacts;
  readonly signals: KeptSignals;
  /** Undefined: nothing is traced. */
  readonly tracing?: Tracing | undefined;
}

/** The nodes' routes: those that anybody may call, and those of a node that shows its certificate. */
export function nodeApiOf(parts: ServiceParts, needs: NodeApiNeeds) {
  const { contacts, signals } = needs;
  const { config, store, now } = parts;
  return [
    ...joinRoutesOf(parts, needs).map(forAnybody),
    ...heartbeatRoutes({
      now,
      elapsedMs,
      store,
      contacts,
      appendAudit: (event) => store.appendAudit(event),
      nextSeconds: config.connectivity.heartbeatSeconds,
      exposesCopy: copyExposer(parts, signals),
    }),
  ];
}

/** The routes of join and renewal over the real verifier, issuer and store. */
function joinRoutesOf(
  { config, material, store, log, now, random }: ServiceParts,
  { authorities, contacts, signals, tracing }: NodeApiNeeds,
) {
  const { signing, issuing, roots } = authorities;
  const managementCas = parsePemOf('CERTIFICATE', material.clientCa).map((der) => parseCertificate(der));
  const caKeys = [...issuing, ...roots, ...managementCas].map(({ publicKey }) => publicKey.raw);
  const issuer = createIssuer({
    signer: tracing === undefined ? material.signer : traceSigner(material.signer, tracing, config.issuer.signer.kind),
    issuerCertificate: signing[0].certificate.der,
    profile: createProfile({ name: 'kubelet-client', maxTtlSeconds: MAX_TTL_SECONDS }),
    random,
    caKeys,
  });
  const { audience, kubernetes, limits } = config;
  const policy = joinPolicyOf(material.policySource);
  const rates = joinLimits(limits.rates, { policy, elapsedMs });
  const appendAudit = (event: AuditEvent) => store.appendAudit(event);
  const gate = signerGate({ signer: material.signer, elapsedMs });
  // A key that is away from the start is known to be before the first node asks.
  void gate.look();
  const keys = keyRoutes({ now, random, audience, policy, tokens: store, limits: rates, elapsedMs, appendAudit });
  const work = nodeWork({ config, random });
  signals.readFrom({ work: () => work.load });
  const joins: JoinRoutesDeps = {
    now,
    random,
    ticketKeys: material.ticketKeys,
    policy,
    limits: rates,
    work,
    findNodeByEk: (ek) => store.findNodeByEk(ek),
    findNodesByAk: (akName) => store.findNodesByAk(akName),
    findNodesByCertifiedKey: (key) => store.findNodesByCertifiedKey(key),
    queueCandidate: (...queue) => store.queueCandidate(...queue),
    enrolByRule: (...enrolment) => store.enrolByRule(...enrolment),
    changeNodes: (change) => store.changeNodes(change),
    alert: (facts, message) => {
      log.error(facts, message);
    },
    takeTicket: (take) => store.takeTicket(take),
    verifyEvidence: (input) => inTurns(verifyEvidenceInSteps({ ...input, audience })),
    appraise: (input) => inTurns(appraiseInSteps(input)),
    callBack,
    issuer,
    signerGate: gate,
    orphanSerials: (orphanings) => store.orphanSerials(orphanings),
    reserveSerial: (...intent) => store.reserveSerial(...intent),
    recordIssued: async (...issued) => {
      await store.recordIssued(...issued);
      const [, { nodeId, address }, { nodeName }] = issued;
      if (nodeName !== undefined && isNodeName(nodeName)) contacts.joinedFrom(nodeId, nodeName, address);
    },
    appendAudit: (event) => store.appendAudit(event),
    cluster: {
      apiServer: kubernetes.apiServer,
      caPem: material.kubernetesCa,
      issuerPem: sentIssuersPem(authorities),
    },
    joinBodyBytes: limits.joinBodyBytes,
  };
  const observed = observeJoins(joins, signals.events, elapsedMs);
  return [...joinRoutes(tracing === undefined ? observed : traceJoins(observed, tracing, config.store)), ...keys];
}
