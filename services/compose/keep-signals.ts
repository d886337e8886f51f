import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

import { Registry } from 'prom-client';

import { newRequestId } from '#core/ids.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import type { Gate } from '#services/http/app.ts';
import { originOf } from '#services/http/origin.ts';
import { startPlainListener } from '#services/http/plain-listener.ts';
import type { Principal } from '#services/http/principal.ts';
import { type Listener, startListener, type TlsListener } from '#services/http/server.ts';
import { type EventMetrics, eventMetrics } from '#services/metrics/event-metrics.ts';
import { type ExportMetrics, exportMetrics, type ExportMetricsOptions } from '#services/metrics/export-metrics.ts';
import { ailmentsOf, type HealthSources, type Stage, whyNotReady } from '#services/metrics/health.ts';
import { startProber } from '#services/metrics/prober.ts';
import { processMetrics } from '#services/metrics/process-metrics.ts';
import { probePages } from '#services/metrics/probe-pages.ts';
import { signalPages } from '#services/metrics/signal-pages.ts';
import { EXPIRY_HORIZONS, stateMetrics, type StateSources } from '#services/metrics/state-metrics.ts';
import { keptFor } from '#services/metrics/kept-for.ts';
import { traceMetrics } from '#services/metrics/trace-metrics.ts';
import type { Tracing } from '#services/tracing/tracing.ts';

import type { ServiceParts } from './service-parts.ts';
import { elapsedMs, pauseUntil } from './monotonic.ts';
import type { Renewable } from './reload-identities.ts';

/** What parts of the service know that start after its signals. */
type LateSources = Pick<StateSources, 'crls' | 'work' | 'heldBodyBytes' | 'leads'>;

/** What the service tells of itself, until it is disposed of. */
export interface KeptSignals extends AsyncDisposable {
  readonly events: EventMetrics;
  /** Undefined where the configuration names no place. */
  readonly listener: Pick<Listener, 'host' | 'port'> | undefined;
  /** The listener among them that has a certificate, if it has. */
  readonly renewables: readonly Renewable[];
  /** The same, of the place for an orchestrator's probes. */
  readonly health: Pick<Listener, 'host' | 'port'> | undefined;
  /** Gauges read from these from now on. */
  readonly readFrom: (sources: Partial<LateSources>) => void;
  /** What becomes of spans is told from now on. */
  readonly tellOfTraces: (tracing: Pick<Tracing, 'counts'>) => void;
  /** How the audit log gets out is told from now on. */
  readonly tellOfAuditExport: (
    told: ExportMetricsOptions & { readonly faults: () => readonly string[] },
  ) => ExportMetrics;
  readonly enter: (stage: Stage) => void;
}

const PROBE_EVERY_MS = 10_000;
const PROBE_PATIENCE_MS = 5_000;
/** A census reads an index from one end to the other; scrapers that come more often get the one before. */
const CENSUS_KEPT_MS = 10_000;
const MAX_CONNECTIONS = 64;
const KEEP_ALIVE_MS = 65_000;

/**
 * Starts to look after the store and the signer, and serves metrics and health where the configuration says. It is to be started first and to end
 * last: what is told of the others' end is told by it.
 */
export async function keepSignals(parts: ServiceParts, gate: Gate<Principal>): Promise<KeptSignals> {
  await using starting = new AsyncDisposableStack();
  const { material, store, log, now, version } = parts;
  const registry = new Registry();
  const events = eventMetrics(registry);
  starting.use(processMetrics(registry, { startedAt: now() }));
  let stage: Stage = 'starting';
  let exportFaults: () => readonly string[] = () => [];
  let late: LateSources = {
    crls: () => [],
    work: () => ({ running: 0, waiting: 0 }),
    heldBodyBytes: () => 0,
    leads: () => false,
  };
  const probing = (name: string, probe: () => Promise<unknown>) =>
    startProber({
      name,
      probe,
      everyMs: PROBE_EVERY_MS,
      patienceMs: PROBE_PATIENCE_MS,
      elapsedMs,
      pause: pauseUntil,
      onChange: (fault) => {
        if (fault === undefined) log.info({ part: name }, 'answers again');
        else log.error({ part: name, fault }, 'does not answer');
      },
    });
  const [storeProber, signerProber] = await Promise.all([
    probing('store', () => store.auditHead()),
    probing('signer', () => material.signer.probe()),
  ]);
  starting.use(storeProber);
  starting.use(signerProber);
  const storeState = () =>
    store.failure.aborted ? { fault: 'what it wrote is in doubt', seconds: undefined } : storeProber.last();
  const health: HealthSources = {
    stage: () => stage,
    store: storeState,
    signer: signerProber.last,
    policy: () => material.policySource.status(),
    crls: () => late.crls(),
    auditExport: () => exportFaults(),
    now,
  };
  const horizons = EXPIRY_HORIZONS.map(([, ms]) => ms);
  stateMetrics(registry, {
    now,
    version,
    census: keptFor(CENSUS_KEPT_MS, elapsedMs, () =>
      store.takeCensus(now(), horizons).catch((error: unknown) => {
        log.warn({ err: error }, 'no census for the metrics');
        return undefined;
      }),
    ),
    crls: () => late.crls(),
    policy: () => material.policySource.status(),
    work: () => late.work(),
    heldBodyBytes: () => late.heldBodyBytes(),
    store: storeState,
    signer: signerProber.last,
    ready: () => whyNotReady(health).length === 0,
    leads: () => late.leads(),
    caCertificates: material.issuerChain.map((der, index) => ({
      name: index === 0 ? 'issuing' : 'above',
      notAfter: parseCertificate(der).notAfter,
    })),
  });
  const pages = signalPages({
    mayRead: mayReadSignals(parts, gate),
    metrics: () => registry.metrics(),
    metricsType: registry.contentType,
    whyNotReady: () => whyNotReady(health),
    ailments: () => ailmentsOf(health),
    onFault: (error) => log.error({ err: error }, 'request fault'),
  });
  const listener = await listen(parts, pages);
  if (listener !== undefined) starting.use(listener);
  const probed = parts.config.listeners.health;
  const probes =
    probed === undefined
      ? undefined
      : starting.use(
          await startPlainListener(
            probed,
            probePages(() => whyNotReady(health)),
          ),
        );
  const running = starting.move();
  return {
    events,
    listener: placeOf(listener),
    renewables: renewablesOf(parts, listener),
    health: placeOf(probes),
    readFrom: (sources) => {
      late = { ...late, ...sources };
    },
    tellOfTraces: ({ counts }) => traceMetrics(registry, counts),
    tellOfAuditExport: ({ faults, ...told }) => {
      exportFaults = faults;
      return exportMetrics(registry, told);
    },
    enter: (next) => {
      stage = next;
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

const placeOf = (listener: Listener | undefined) =>
  listener === undefined ? undefined : { host: listener.host, port: listener.port };

/** The metrics listener, where it has a certificate to renew. */
function renewablesOf({ config }: ServiceParts, listener: Listener | TlsListener | undefined): readonly Renewable[] {
  const { metrics } = config.listeners;
  if (metrics?.access !== 'client-certificate' || listener === undefined || !('show' in listener)) return [];
  return [{ name: 'metrics', files: metrics, listener }];
}

async function listen(
  { config, material }: ServiceParts,
  pages: ReturnType<typeof signalPages>,
): Promise<Listener | TlsListener | undefined> {
  const { metrics } = config.listeners;
  if (metrics === undefined) return undefined;
  if (metrics.access === 'loopback') return startPlainListener(metrics, pages);
  if (material.metrics === undefined) throw new Error('the metrics listener’s certificate was read at start-up');
  const limits = { maxConnections: MAX_CONNECTIONS, keepAliveMs: KEEP_ALIVE_MS, maxRequestsPerConnection: 0 };
  return startListener({ ...metrics, ...material.metrics, clientCa: material.clientCa, ...limits }, pages);
}

/** Whoever runs on this host, where the configuration says that; otherwise an administrator whose role may, looked at for each request. */
function mayReadSignals({ config, random }: ServiceParts, gate: Gate<Principal>) {
  if (config.listeners.metrics?.access === 'loopback') return () => Promise.resolve(true);
  return async (socket: Socket, { method = '', url = '' }: Pick<IncomingMessage, 'method' | 'url'>) => {
    const caller = await gate.identify(socket);
    if (caller !== undefined && gate.permits(caller, 'metrics:read')) return true;
    const problem = caller === undefined ? 'authentication-required' : 'permission-denied';
    const path = url.split('?', 1)[0]?.slice(0, PATH_RECORDED) ?? '';
    const origin = originOf(socket.remoteAddress);
    await gate.recordRefusal({ problem, caller, requestId: newRequestId(random), origin, method, path });
    return false;
  };
}

/** Characters of a path that a record keeps. */
const PATH_RECORDED = 256;
