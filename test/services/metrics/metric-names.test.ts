import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';

import { authorizerMetrics } from '#services/kubernetes/authorizer/authorizer-metrics.ts';
import { eventMetrics } from '#services/metrics/event-metrics.ts';
import { exportMetrics } from '#services/metrics/export-metrics.ts';
import { processMetrics } from '#services/metrics/process-metrics.ts';
import { stateMetrics } from '#services/metrics/state-metrics.ts';
import { traceMetrics } from '#services/metrics/trace-metrics.ts';

const root = join(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** Every name that the service’s registry has. */
function registered(): readonly string[] {
  const registry = new Registry();
  const probed = () => ({ fault: undefined, seconds: undefined });
  eventMetrics(registry);
  using _ = processMetrics(registry, { startedAt: new Date(0) });
  stateMetrics(registry, {
    now: () => new Date(0),
    version: '0',
    census: () => Promise.resolve(undefined),
    crls: () => [],
    policy: () => ({ loadedAt: new Date(0), lastError: undefined }),
    work: () => ({ running: 0, waiting: 0 }),
    heldBodyBytes: () => 0,
    store: probed,
    signer: probed,
    ready: () => true,
    leads: () => true,
    caCertificates: [],
  });
  exportMetrics(registry, { destinations: [], failureKinds: [], lags: () => Promise.resolve([]) });
  traceMetrics(registry, () => ({ exported: 0, crowdedOut: 0, refused: 0 }));
  return registry.getMetricsAsArray().map(({ name }) => name);
}

/** Every name that an authorizer’s registry has. */
function ofAuthorizer(): readonly string[] {
  const registry = new Registry();
  const knowledge = { isUsable: false, isRefused: false, ageMs: undefined, snapshot: undefined };
  authorizerMetrics(registry, knowledge, () => undefined);
  return registry.getMetricsAsArray().map(({ name }) => name);
}

/** Names in queries, without what a histogram adds to them. */
const namesIn = (text: string): readonly string[] => [
  ...new Set(
    (text.match(/\b(?:muster|process)_[a-z_]+/g) ?? []).map((name) => name.replace(/_(?:bucket|sum|count)$/, '')),
  ),
];

describe('the names of metrics', () => {
  test.each([
    ['docs/operations/metrics.md', registered],
    ['docs/operations/authorizer.md', ofAuthorizer],
  ])('are all in %s, and nothing else is', (page, names) => {
    const rows = [...read(page).matchAll(/^\| `((?:muster|process)_[a-z_]+)` \|/gm)].map(([, name]) => name);
    expect(rows).toHaveLength(names().length);
    expect(new Set(rows)).toEqual(new Set(names()));
  });

  test.each(['deploy/grafana/muster.json', 'deploy/prometheus/muster.rules.yaml'])('in %s are all there', (path) => {
    const names = namesIn(read(path));
    const known = new Set([...registered(), ...ofAuthorizer()]);
    expect(names.length).toBeGreaterThan(10);
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  });
});
