import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';
import { z } from 'zod';

import { faultsOf } from './all-rules.ts';
import {
  documentsIn,
  findKustomize,
  type Kustomize,
  KUSTOMIZATIONS,
  type ManifestObject,
  MANIFESTS,
  readKustomization,
  render,
  renderWith,
} from './manifests.ts';
import { schemaFaults } from './openapi-schemas.ts';
import { podOf } from './pod-rules.ts';

const kustomize = findKustomize();
const program = (): Kustomize => {
  if (kustomize === undefined) throw new Error('skipped without one');
  return kustomize;
};
const once = <T>(make: () => T): (() => T) => {
  let made: T | undefined;
  return () => (made ??= make());
};
const base = once(() => render(program(), 'base'));
const example = once(() => render(program(), 'example'));
const one = (objects: readonly ManifestObject[], kind: string): ManifestObject => {
  const [found, ...others] = objects.filter((object) => object.kind === kind);
  if (found === undefined || others.length > 0) throw new Error(`not one ${kind}`);
  return found;
};
const ways: readonly (readonly [string, () => readonly ManifestObject[]])[] = [
  ...KUSTOMIZATIONS.filter((folder) => readKustomization(folder).kind === 'Kustomization').map(
    (folder) => [folder, () => render(program(), folder)] as const,
  ),
  ['example, with prometheus-operator', () => renderWith(program(), 'example', ['prometheus'])],
  ['base, for another cluster', () => renderWith(program(), 'base', ['node-controller-outside', 'vault-login'])],
];

describe.skipIf(kustomize === undefined)('as kustomize renders it,', { timeout: 60_000 }, () => {
  test.each(ways)('%s is what the schemas know and our rules allow', (_, rendered) => {
    const objects = rendered();
    expect(objects.length).toBeGreaterThan(0);
    for (const object of objects) expect(schemaFaults(object)).toEqual([]);
    expect(faultsOf(objects)).toEqual([]);
  });

  test('the base has no token of the cluster, and the example two that end within the hour', () => {
    const tokens = (objects: readonly ManifestObject[]) =>
      podOf(one(objects, 'Deployment'))
        ?.spec.volumes.flatMap(({ projected }) => projected?.sources ?? [])
        .flatMap((source) => (source['serviceAccountToken'] === undefined ? [] : [source['serviceAccountToken']]));
    expect(tokens(base())).toEqual([]);
    expect(tokens(example())).toEqual([
      { path: 'token', audience: 'vault', expirationSeconds: 600 },
      { path: 'token', expirationSeconds: 3_600 },
    ]);
  });

  test('the example gives the printed rights to the service’s account, and to nobody else', () => {
    const objects = example();
    const account = [{ kind: 'ServiceAccount', name: 'muster', namespace: 'muster' }];
    for (const kind of ['RoleBinding', 'ClusterRoleBinding']) expect(one(objects, kind)['subjects']).toEqual(account);
    const printed = MANIFESTS.filter(({ file }) => file.endsWith('/rbac.yaml')).map(({ object }) => object);
    for (const kind of ['Role', 'ClusterRole']) expect(one(objects, kind)).toEqual(one(printed, kind));
  });

  test('the example runs on control planes, and rolls when its configuration changes', () => {
    const objects = example();
    const spec = podOf(one(objects, 'Deployment'))?.spec;
    expect(spec).toMatchObject({ nodeSelector: { 'node-role.kubernetes.io/control-plane': '' } });
    const names = spec?.volumes.flatMap(({ configMap }) => configMap?.name ?? []);
    expect(names).toEqual([expect.stringMatching(/^muster-config-/), 'muster-administrators', 'muster-certificates']);
  });
});

test('prometheus-operator is given the alert rules as they are, and the job’s name that they expect', () => {
  const monitoring = MANIFESTS.filter(({ file }) => file.includes('components/prometheus')).map(({ object }) => object);
  const file = 'deploy/prometheus/muster.rules.yaml';
  expect([one(monitoring, 'PrometheusRule')['spec']]).toEqual(documentsIn(readFileSync(file, 'utf8'), file));
  const schema = z.looseObject({
    jobLabel: z.string(),
    selector: z.looseObject({ matchLabels: z.record(z.string(), z.string()) }),
  });
  const { jobLabel, selector } = schema.parse(one(monitoring, 'ServiceMonitor')['spec']);
  const scraped = MANIFESTS.filter(
    ({ object: { kind, metadata } }) =>
      kind === 'Service' &&
      Object.entries(selector.matchLabels).every(([key, value]) => metadata.labels?.[key] === value),
  ).map(({ object: { metadata } }) => [metadata.name, metadata.labels?.[jobLabel]]);
  expect(scraped).toEqual([['muster-metrics', 'muster']]);
});
