import { z } from 'zod';

import type { ManifestObject } from './manifests.ts';
import { podOf } from './pod-rules.ts';

type Labels = Readonly<Record<string, string>>;

const rulesSchema = z.looseObject({
  rules: z.array(
    z.looseObject({
      apiGroups: z.array(z.string()).default([]),
      resources: z.array(z.string()).default([]),
      verbs: z.array(z.string()),
      nonResourceURLs: z.array(z.string()).default([]),
    }),
  ),
});
/** Verbs with which one makes oneself more. */
const RAISING = ['escalate', 'bind', 'impersonate', 'approve', 'sign'];
const SECRETS = ['secrets', 'serviceaccounts/token', 'pods/exec', 'pods/attach', 'nodes/proxy'];

/** What about a role is more than a program of ours may ever have. */
export function roleFaults(object: ManifestObject): readonly string[] {
  const { success, data } = rulesSchema.safeParse(object);
  if (!success || !object.kind.endsWith('Role')) return [];
  return data.rules.flatMap(({ apiGroups, resources, verbs, nonResourceURLs }) =>
    [
      ...[...apiGroups, ...resources, ...verbs, ...nonResourceURLs]
        .filter((part) => part.includes('*'))
        .map((part) => `a wildcard: ${part}`),
      ...verbs.filter((verb) => RAISING.includes(verb)).map((verb) => `a verb that raises: ${verb}`),
      ...resources.filter((resource) => SECRETS.includes(resource)).map((resource) => `secrets: ${resource}`),
    ].map((fault) => `${object.kind} ${object.metadata.name}: ${fault}`),
  );
}

const selectorSchema = z.looseObject({ matchLabels: z.record(z.string(), z.string()).default({}) });
const policySchema = z.looseObject({
  spec: z.looseObject({
    podSelector: selectorSchema,
    policyTypes: z.array(z.string()).default([]),
    ingress: z.array(z.looseObject({})).default([]),
    egress: z
      .array(z.looseObject({ to: z.array(z.unknown()).default([]), ports: z.array(z.unknown()).default([]) }))
      .default([]),
  }),
});
const budgetSchema = z.looseObject({
  spec: z.looseObject({ selector: selectorSchema, maxUnavailable: z.union([z.number(), z.string()]) }),
});
const serviceSchema = z.looseObject({
  spec: z.looseObject({
    selector: z.record(z.string(), z.string()),
    ports: z.array(z.looseObject({ targetPort: z.union([z.string(), z.number()]) })),
  }),
});

/** Whether a pod with `labels` is one of those that `wanted` chooses. Nothing wanted: every pod. */
const chooses = (wanted: Labels, labels: Labels): boolean =>
  Object.entries(wanted).every(([key, value]) => labels[key] === value);

/** What is missing around the pods of `objects`, all of which are applied together. */
export function coverageFaults(objects: readonly ManifestObject[]): readonly string[] {
  const ofKind = (kind: string) => objects.filter((object) => object.kind === kind);
  const isBeside = (one: ManifestObject) => (other: ManifestObject) =>
    one.metadata.namespace === other.metadata.namespace;
  const faults: string[] = [];
  for (const workload of ofKind('Deployment')) {
    const { labels } = podOf(workload) ?? { labels: {} };
    const budgets = ofKind('PodDisruptionBudget')
      .filter(isBeside(workload))
      .map((object) => budgetSchema.parse(object));
    if (!budgets.some(({ spec }) => spec.maxUnavailable === 1 && chooses(spec.selector.matchLabels, labels)))
      faults.push(`${workload.metadata.name}: no disruption budget`);
    const policies = ofKind('NetworkPolicy')
      .filter(isBeside(workload))
      .map((object) => policySchema.parse(object).spec);
    const denial = policies.find(
      ({ podSelector, ingress, egress }) =>
        Object.keys(podSelector).every((key) => key === 'matchLabels') &&
        Object.keys(podSelector.matchLabels).length === 0 &&
        ingress.length + egress.length === 0,
    );
    if (denial === undefined || !['Ingress', 'Egress'].every((type) => denial.policyTypes.includes(type)))
      faults.push(`${workload.metadata.name}: what is not allowed passes`);
    if (policies.some(({ egress }) => egress.some(({ to, ports }) => to.length === 0 || ports.length === 0)))
      faults.push(`${workload.metadata.name}: it may call everywhere`);
    const [namespace] = ofKind('Namespace').filter(({ metadata }) => metadata.name === workload.metadata.namespace);
    if (namespace?.metadata.labels?.['pod-security.kubernetes.io/enforce'] !== 'restricted')
      faults.push(`${workload.metadata.name}: its namespace is not restricted`);
  }
  for (const service of ofKind('Service')) {
    const { spec } = serviceSchema.parse(service);
    const pods = objects.filter(isBeside(service)).flatMap((object) => podOf(object) ?? []);
    const names = pods
      .filter(({ labels }) => chooses(spec.selector, labels))
      .flatMap((pod) => pod.spec.containers.flatMap(({ ports }) => ports.map(({ name }) => name)));
    for (const { targetPort } of spec.ports) {
      if (!names.includes(String(targetPort))) faults.push(`${service.metadata.name}: no pod has port ${targetPort}`);
    }
  }
  return faults;
}
