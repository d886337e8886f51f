import { setTimeout as pause } from 'node:timers/promises';
import { serviceStopped } from '#services/audit/events.ts';
import type { AuditEvent } from '#core/audit-record.ts';
import { guardRoutes } from '#services/admin/step-up/guard-routes.ts';
import { createApp } from '#services/http/app.ts';
import { BodyBudget } from '#services/http/body-budget.ts';
import { callerOrigins } from '#services/http/caller-origin.ts';
import { type Listener, startListener } from '#services/http/server.ts';
import { retiredReferenceValues } from '#services/inventory/retired-reference-values.ts';
import { keepLeadership } from '#services/leader/keep-leadership.ts';
import { administratorsIn } from '#services/administrators.ts';
import { bundleOf, clientCaPem, NO_OTHERS, sortAuthorities } from '#services/authorities.ts';

import { adminGate, nodeGate } from './gates.ts';
import { keepAuditExport } from './keep-audit-export.ts';
import { keepContacts } from './keep-contacts.ts';
import { keepRevocations } from './keep-revocations.ts';
import { keepSignals } from './keep-signals.ts';
import { keepTracing } from './keep-tracing.ts';
import { pauseUntil } from './monotonic.ts';
import { openApiDocument } from './openapi.ts';
import { recordAuthorities } from './record-authorities.ts';
import { recordStart } from './record-start.ts';
import { reloadIdentities } from './reload-identities.ts';
import { policyReloader } from './reload-policy.ts';
import type { ServiceParts } from './service-parts.ts';
import { adminApiOf } from './admin-api.ts';
import { openCluster } from './open-cluster.ts';
import { nodeApiOf } from './node-api.ts';
import { stepUpOf, warnOfMissingKeys } from './second-factor.ts';
import { tidyStoreRegularly } from './tidy-store.ts';

/** The service, taking connections. Disposing of it finishes what runs, records the stop and closes the store. */
export interface Service extends AsyncDisposable {
  readonly node: Pick<Listener, 'host' | 'port'>;
  readonly admin: Pick<Listener, 'host' | 'port'>;
  /** Where metrics and health are; undefined where they are not served. */
  readonly metrics: Pick<Listener, 'host' | 'port'> | undefined;
  /** Where an orchestrator's probes call; undefined where they do not. */
  readonly health: Pick<Listener, 'host' | 'port'> | undefined;
  /** `/readyz` fails from the call on; resolves when load balancers have had the time to notice. */
  readonly drain: () => Promise<void>;
  /** Reads the policy again, as `policyReloader` says. */
  readonly reloadPolicy: () => Promise<boolean>;
  /** Reads the listeners' certificates again, as `reloadIdentities` says. */
  readonly reloadIdentities: () => Promise<void>;
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
  const leadership = starting.use(await keepLeadership({ store, pause: pauseUntil, log }));
  signals.readFrom({ leads: () => leadership.term() !== undefined });
  const auditExport = starting.use(keepAuditExport(parts, leadership, signals));
  const { contacts } = starting.use(await keepContacts({ ...parts, leadership }));
  const cluster = await openCluster(parts, { contacts, leadership });
  if (cluster !== undefined) starting.use(cluster);
  const stopping = new AbortController();
  const tracing = await keepTracing(parts, signals);
  if (tracing !== undefined) starting.use(tracing);
  const nodeApi = nodeApiOf(parts, { authorities, contacts, signals, tracing });
  const adminApi = adminApiOf(parts, {
    contacts,
    cluster,
    auditExport,
    stopping: stopping.signal,
    document: () => document,
  });
  const document = openApiDocument(nodeApi, adminApi);

  const origins = callerOrigins(listeners.node.proxies, {
    headerTimeoutMs: PROXY_HEADER_MS,
    headerRefused: (proxy, fault) => {
      log.warn({ proxy, fault }, 'PROXY protocol header refused');
    },
  });
  const revocations = starting.use(
    keepRevocations(
      { ...parts, onOcspAnswer: events.ocspAnswered, leadership },
      authorities,
      bundleOf(authorities, since),
    ),
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
    traceRequest: tracing?.traceRequest,
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
  starting.use(tidyStoreRegularly(parts, leadership));
  // Before the listeners stop: a stream that nobody ends would hold them.
  starting.defer(() => stopping.abort());

  const running = starting.move();
  signals.enter('serving');
  const place = ({ host, port }: Listener) => ({ host, port });
  return {
    node: place(node),
    admin: place(admin),
    metrics: signals.listener,
    health: signals.health,
    reloadPolicy,
    reloadIdentities: () =>
      reloadIdentities(
        [
          { name: 'node', files: listeners.node, listener: node },
          { name: 'admin', files: listeners.admin, listener: admin },
          ...signals.renewables,
        ],
        log,
      ),
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
