import { setTimeout as pause } from 'node:timers/promises';

import { appraise } from '#attestation/appraise.ts';
import { verifyEvidence } from '#attestation/verify-evidence.ts';
import { serviceStopped } from '#services/audit/events.ts';
import type { AuditEvent } from '#core/audit-record.ts';
import type { Clock } from '#core/clock.ts';
import { isNodeName } from '#core/ids.ts';
import type { RandomSource } from '#core/random.ts';
import { createIssuer } from '#pki/issuer.ts';
import { createProfile, MAX_TTL_SECONDS } from '#pki/profile.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { parsePemOf } from '#pki/x509/pem.ts';
import { candidateRoutes } from '#services/admin/candidate-routes.ts';
import { revocationRoutes } from '#services/admin/revocation-routes.ts';
import { adminRoutes } from '#services/admin/routes.ts';
import { guardRoutes } from '#services/admin/step-up/guard-routes.ts';
import { type StepUp, stepUp } from '#services/admin/step-up/step-up.ts';
import { tokenRoutes } from '#services/admin/token-routes.ts';
import { createApp } from '#services/http/app.ts';
import { BodyBudget } from '#services/http/body-budget.ts';
import { callerOrigins } from '#services/http/caller-origin.ts';
import { forAnybody } from '#services/http/node-peer.ts';
import type { Log } from '#services/http/request-log.ts';
import { type Listener, startListener } from '#services/http/server.ts';
import { eventRoutes } from '#services/inventory/event-routes.ts';
import { heartbeatRoutes } from '#services/inventory/heartbeat-routes.ts';
import { joinHistoryRoutes } from '#services/inventory/join-routes.ts';
import { ratingOf } from '#services/inventory/inventory-deps.ts';
import type { NodeContacts } from '#services/inventory/node-contacts.ts';
import { referenceRoutes } from '#services/inventory/reference-routes.ts';
import { retiredReferenceValues } from '#services/inventory/retired-reference-values.ts';
import { inventoryRoutes } from '#services/inventory/routes.ts';
import { callBack } from '#services/join/callback.ts';
import { joinLimits } from '#services/join/join-limits.ts';
import { keyRoutes } from '#services/join/key-routes.ts';
import { joinRoutes, type JoinRoutesDeps } from '#services/join/routes.ts';
import { signerGate } from '#services/join/signer-gate.ts';
import { kubernetesRoutes } from '#services/kubernetes/routes.ts';
import { snapshotFeed, type SnapshotFeed } from '#services/kubernetes/snapshot-feed.ts';
import { storeSnapshotSource } from '#services/kubernetes/snapshot-source.ts';
import type { Store } from '#services/store/store.ts';

import { type Administrators, administratorsIn, readAdministratorsWithoutKey } from './administrators.ts';
import { type Authorities, bundleOf, clientCaPem, NO_OTHERS, sentIssuersPem, sortAuthorities } from './authorities.ts';
import type { ServerConfig } from './config.ts';
import { copyExposer } from './copy-exposer.ts';
import { forgetTicketsRegularly } from './forget-tickets.ts';
import { adminGate, nodeGate } from './gates.ts';
import { keepCluster, type KeptCluster } from './keep-cluster.ts';
import { keepContacts } from './keep-contacts.ts';
import { keepRevocations } from './keep-revocations.ts';
import { keepSignals, type KeptSignals } from './keep-signals.ts';
import type { Material } from './material.ts';
import { elapsedMs, pauseUntil } from './monotonic.ts';
import { nodeWork } from './node-work.ts';
import { observeJoins } from './observe-joins.ts';
import { openApiDocument, openApiRoute } from './openapi.ts';
import { joinPolicyOf } from './ready-policy.ts';
import { recordAuthorities } from './record-authorities.ts';
import { recordStart } from './record-start.ts';
import { policyReloader } from './reload-policy.ts';

/** What the service is made of. The store is the service's from here on: it is closed with it. */
export interface ServiceParts {
  readonly config: ServerConfig;
  readonly material: Material;
  readonly store: Store;
  readonly log: Log;
  readonly now: Clock;
  readonly random: RandomSource;
  /** Of this program, for the record of its start. */
  readonly version: string;
}

/** The service, taking connections. Disposing of it finishes what runs, records the stop and closes the store. */
export interface Service extends AsyncDisposable {
  readonly node: Pick<Listener, 'host' | 'port'>;
  readonly admin: Pick<Listener, 'host' | 'port'>;
  /** Where metrics and health are; undefined where they are not served. */
  readonly metrics: Pick<Listener, 'host' | 'port'> | undefined;
  /** `/readyz` fails from the call on; resolves when load balancers have had the time to notice. */
  readonly drain: () => Promise<void>;
  /** Reads the policy again, as `policyReloader` says. */
  readonly reloadPolicy: () => Promise<boolean>;
}

const KEEP_ALIVE_MS = { node: 30_000, admin: 5_000 };
/** For a trusted proxy to say whom it speaks for. */
const PROXY_HEADER_MS = 5_000;

/**
 * Starts the service. On resolution what an earlier process left unfinished is marked orphaned, the start is on record, and both
 * listeners take connections. On rejection nothing is left open.
 */
export async function startService(parts: ServiceParts): Promise<Service> {
  await using starting = new AsyncDisposableStack();
  const { config, material, log, now, random } = parts;
  const { listeners, limits } = config;
  const store = starting.use(parts.store);
  starting.use(material.signer);
  const { policySource } = material;

  for (const { signer } of material.otherAuthorities?.retired ?? []) starting.use(signer);
  const authorities = sortAuthorities(material, material.otherAuthorities ?? NO_OTHERS);
  policySource.retire(await retiredReferenceValues(store));
  await recordStart(parts);
  const since = await recordAuthorities(authorities, parts);
  starting.defer(async () => {
    // A store in doubt takes no records; that it failed is why the service stops.
    if (!store.failure.aborted) await store.appendAudit(serviceStopped(now(), 'asked to stop'));
  });

  const appendAudit = (event: AuditEvent) => store.appendAudit(event);
  const administrators = administratorsIn(listeners.admin.administrators);
  const gate = adminGate({ now, isAdministrator: administrators.isAdministrator, appendAudit });
  await warnOfMissingKeys(parts);
  const signals = starting.use(await keepSignals(parts, gate));
  const { events } = signals;
  const reloadPolicy = policyReloader({ policySource, appendAudit, log, now, onRead: events.policyRead });
  const { contacts } = starting.use(await keepContacts(parts));
  const cluster = await clusterOf(parts, contacts);
  if (cluster !== undefined) starting.use(cluster);
  const { heartbeatSeconds: nextSeconds } = config.connectivity;
  const stopping = new AbortController();
  const nodeApi = [
    ...nodeRoutesOf(parts, authorities, contacts, signals).map(forAnybody),
    ...heartbeatRoutes({
      now,
      elapsedMs,
      store,
      contacts,
      appendAudit,
      nextSeconds,
      exposesCopy: copyExposer(parts, signals),
    }),
  ];
  const adminApi = [
    ...adminRoutes({
      now,
      random,
      policyStatus: () => policySource.status(),
      hasPool: (pool) => policySource.status().policy.pools.has(pool),
      findNodeByName: (name) => store.findNodeByName(name),
      findNodeByEk: (ek) => store.findNodeByEk(ek),
      enrolNodes: (...enrolment) => store.enrolNodes(...enrolment),
      appendAudit: (event) => store.appendAudit(event),
    }),
    ...candidateRoutes({
      now,
      random,
      policy: () => policySource.status().policy,
      hasPool: (pool) => policySource.status().policy.pools.has(pool),
      findNode: (id) => store.findNode(id),
      listCandidates: (at, limit) => store.listCandidates(at, limit),
      findCandidate: (id, at) => store.findCandidate(id, at),
      approveCandidate: (...approval) => store.approveCandidate(...approval),
      refuseCandidate: (...refusal) => store.refuseCandidate(...refusal),
    }),
    ...tokenRoutes({
      now,
      random,
      hasPool: (pool) => policySource.status().policy.pools.has(pool),
      findNodeByName: (name) => store.findNodeByName(name),
      tokens: store,
    }),
    ...joinHistoryRoutes({ now, store, policy: () => policySource.status().policy }),
    ...referenceRoutes({
      now,
      store,
      policy: () => policySource.status().policy,
      retire: (names) => policySource.retire(names),
      appendAudit,
    }),
    ...inventoryRoutes({
      now,
      store,
      policy: () => policySource.status().policy,
      contacts,
      clusterView: (name) => cluster?.view(name),
    }),
    ...eventRoutes({ store, pause: pauseUntil, elapsedMs, stopping: stopping.signal }),
    ...revocationRoutes({ now, store }),
    ...kubernetesRoutes({ snapshotFeed: snapshotFeedOf(parts) }),
    openApiRoute(() => document),
  ];
  const document = openApiDocument(nodeApi, adminApi);

  const origins = callerOrigins(listeners.node.proxies, {
    headerTimeoutMs: PROXY_HEADER_MS,
    headerRefused: (proxy, fault) => {
      log.warn({ proxy, fault }, 'PROXY protocol header refused');
    },
  });
  const revocations = starting.use(
    keepRevocations({ ...parts, onOcspAnswer: events.ocspAnswered }, authorities, bundleOf(authorities, since)),
  );
  const bodies = new BodyBudget({ totalBytes: limits.heldBodyBytes, random });
  signals.readFrom({ crls: revocations.crls, heldBodyBytes: () => bodies.usedBytes });
  const { answered: onAnswered } = events;
  const nodeApp = createApp({
    listener: 'node',
    routes: nodeApi,
    gate: nodeGate,
    log,
    random,
    origins,
    bodies,
    onAnswered,
  });
  const guarded = guardRoutes(adminApi, { stepUp: stepUpOf(parts, administrators), now });
  const adminApp = createApp({ listener: 'admin', routes: guarded, gate, log, random, onAnswered });

  const { maxConnections } = limits;
  const graceMs = config.shutdown.graceSeconds * 1_000;
  const admin = starting.use(
    await startListener(
      {
        ...listeners.admin,
        ...material.admin,
        clientCa: material.clientCa,
        maxConnections,
        keepAliveMs: KEEP_ALIVE_MS.admin,
        graceMs,
      },
      adminApp,
    ),
  );
  const node = starting.use(
    await startListener(
      {
        ...listeners.node,
        ...material.node,
        clientCa: undefined,
        knownClientCa: clientCaPem(authorities),
        maxConnections,
        keepAliveMs: KEEP_ALIVE_MS.node,
        graceMs,
        admit: origins.admit,
      },
      revocations.serve(nodeApp, origins),
    ),
  );
  starting.defer(forgetTicketsRegularly(parts));
  // Before the listeners stop: a stream that nobody ends would hold them.
  starting.defer(() => stopping.abort());

  const running = starting.move();
  signals.enter('serving');
  const place = ({ host, port }: Listener) => ({ host, port });
  return {
    node: place(node),
    admin: place(admin),
    metrics: signals.listener,
    reloadPolicy,
    drain: async () => {
      signals.enter('draining');
      await pause(config.shutdown.delaySeconds * 1_000);
    },
    [Symbol.asyncDispose]: async () => {
      signals.enter('draining');
      await running.disposeAsync();
    },
  };
}

/** The node listener's routes over the real verifier, issuer and store. */
function nodeRoutesOf(
  { config, material, store, log, now, random }: ServiceParts,
  authorities: Authorities,
  contacts: Pick<NodeContacts, 'joinedFrom'>,
  signals: KeptSignals,
) {
  const { signing, issuing, roots } = authorities;
  const managementCas = parsePemOf('CERTIFICATE', material.clientCa).map((der) => parseCertificate(der));
  const caKeys = [...issuing, ...roots, ...managementCas].map(({ publicKey }) => publicKey.raw);
  const issuer = createIssuer({
    signer: material.signer,
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
    ticketKey: material.ticketKey,
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
    verifyEvidence: (input) => verifyEvidence({ ...input, audience }),
    appraise,
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
  return [...joinRoutes(observeJoins(joins, signals.events, elapsedMs)), ...keys];
}

/** The second factor that administrators' dangerous acts need. */
function stepUpOf(
  { config, material, store, now, random }: ServiceParts,
  { securityKeysOf }: Pick<Administrators, 'securityKeysOf'>,
): StepUp {
  const { relyingParty, require, required } = config.stepUp;
  return stepUp({
    now,
    elapsedMs,
    random,
    sealingKey: material.ticketKey,
    relyingParty,
    require,
    required: new Set(required),
    securityKeysOf,
    useStepUp: (...used) => store.useStepUp(...used),
    appendAudit: (event) => store.appendAudit(event),
  });
}

/** Says once, at the start, who has no second factor. */
async function warnOfMissingKeys({ config, log }: ServiceParts): Promise<void> {
  const without = await readAdministratorsWithoutKey(config.listeners.admin.administrators);
  if (without.length > 0) log.warn({ administrators: without }, 'administrators without a security key');
}

/** The cluster, where a kubeconfig says how to reach it. The client library is loaded only then. */
async function clusterOf(
  { config, material, store, log, now, random }: ServiceParts,
  contacts: NodeContacts,
): Promise<KeptCluster | undefined> {
  const { kubeconfig, controller: options } = config.kubernetes;
  if (kubeconfig === undefined) return undefined;
  const { openKubeconfigClient } = await import('#services/kubernetes/cluster/kubeconfig-client.ts');
  const client = await openKubeconfigClient(kubeconfig);
  return keepCluster({
    client,
    store,
    contacts,
    ratingOf: (node) => ratingOf(node, material.policySource.status().policy),
    unmanaged: config.snapshot?.unmanagedNodes ?? [],
    options,
    now,
    elapsedMs,
    pause: pauseUntil,
    random,
    log,
  });
}

function snapshotFeedOf({ config, material, store, now }: ServiceParts): SnapshotFeed | undefined {
  const { snapshotKey: key } = material;
  if (key === undefined) return undefined;
  const unmanaged = config.snapshot?.unmanagedNodes ?? [];
  return snapshotFeed({ source: storeSnapshotSource(store, now), key, unmanaged, now, pause });
}
