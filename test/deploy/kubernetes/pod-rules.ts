import { z } from 'zod';

import manifest from '../../../package.json' with { type: 'json' };
import type { ManifestObject } from './manifests.ts';

const probe = z.looseObject({ httpGet: z.looseObject({ path: z.string() }) });
const amounts = z.record(z.string(), z.union([z.string(), z.number()]));

const containerSchema = z.looseObject({
  name: z.string(),
  image: z.string(),
  args: z.array(z.string()),
  ports: z.array(z.looseObject({ name: z.string(), containerPort: z.number() })).default([]),
  startupProbe: probe.optional(),
  livenessProbe: probe.optional(),
  readinessProbe: probe.optional(),
  resources: z.looseObject({ requests: amounts.default({}), limits: amounts.default({}) }).prefault({}),
  securityContext: z
    .looseObject({
      allowPrivilegeEscalation: z.boolean().optional(),
      readOnlyRootFilesystem: z.boolean().optional(),
      privileged: z.boolean().optional(),
      capabilities: z.looseObject({ drop: z.array(z.string()).default([]), add: z.array(z.string()).default([]) }),
    })
    .prefault({ capabilities: {} }),
  env: z.array(z.unknown()).default([]),
  envFrom: z.array(z.unknown()).default([]),
  volumeMounts: z
    .array(z.looseObject({ name: z.string(), mountPath: z.string(), readOnly: z.boolean().optional() }))
    .default([]),
});

const volumeSchema = z.looseObject({
  name: z.string(),
  secret: z.looseObject({ secretName: z.string(), defaultMode: z.number().optional() }).optional(),
  configMap: z.looseObject({ name: z.string() }).optional(),
  projected: z.looseObject({ defaultMode: z.number().optional(), sources: z.array(z.looseObject({})) }).optional(),
  hostPath: z.looseObject({ path: z.string(), type: z.string().optional() }).optional(),
});

/** A pod as the rules look at it. What a manifest leaves out is undefined here, and a fault where a rule asks for it. */
export const podSpecSchema = z.looseObject({
  automountServiceAccountToken: z.boolean().optional(),
  enableServiceLinks: z.boolean().optional(),
  hostNetwork: z.boolean().default(false),
  hostPID: z.boolean().default(false),
  hostIPC: z.boolean().default(false),
  terminationGracePeriodSeconds: z.number().optional(),
  securityContext: z
    .looseObject({
      runAsNonRoot: z.boolean().optional(),
      runAsUser: z.number().optional(),
      runAsGroup: z.number().optional(),
      fsGroup: z.number().optional(),
      seccompProfile: z.looseObject({ type: z.string() }).optional(),
    })
    .prefault({}),
  initContainers: z.array(z.unknown()).default([]),
  containers: z.array(containerSchema).min(1),
  volumes: z.array(volumeSchema).default([]),
});
export type PodSpec = z.output<typeof podSpecSchema>;
type Container = PodSpec['containers'][number];

const templateSchema = z.looseObject({
  spec: z.looseObject({
    template: z.looseObject({
      metadata: z.looseObject({ labels: z.record(z.string(), z.string()) }),
      spec: z.unknown(),
    }),
  }),
});

/** The pod that an object is, or makes: its labels and what it is to be. Undefined for objects that have none. */
export function podOf(
  object: ManifestObject,
): { readonly labels: Readonly<Record<string, string>>; readonly spec: PodSpec } | undefined {
  if (object.kind === 'Pod') {
    return { labels: object.metadata.labels ?? {}, spec: podSpecSchema.parse(object['spec']) };
  }
  const { success, data } = templateSchema.safeParse(object);
  if (!success) return undefined;
  const { metadata, spec } = data.spec.template;
  return { labels: metadata.labels, spec: podSpecSchema.parse(spec) };
}

/** The authorizer alone is on the host: the API server calls it on loopback, and its state outlives the pod. */
export const MAY_USE_HOST = 'muster-authorizer';
const SECRET_MODE = 0o440;

/** What about a pod is against our rules. They are stricter than the level `restricted`, which knows neither limits nor probes. */
export function podFaults(name: string, spec: PodSpec): readonly string[] {
  const { securityContext: who } = spec;
  const isOnHost = spec.hostNetwork || spec.volumes.some(({ hostPath }) => hostPath !== undefined);
  return faults({
    'a token is mounted unasked': spec.automountServiceAccountToken !== false,
    'addresses of Services become settings': spec.enableServiceLinks !== false,
    'it may run as root': who.runAsNonRoot !== true || (who.runAsUser ?? 0) === 0,
    'no seccomp profile': who.seccompProfile?.type !== 'RuntimeDefault',
    'it sees the host’s processes': spec.hostPID || spec.hostIPC,
    'it is on the host': isOnHost && name !== MAY_USE_HOST,
    'a directory of the host’s may be made by the kubelet': spec.volumes.some(
      ({ hostPath }) => hostPath !== undefined && hostPath.type !== 'Directory',
    ),
    // Where fsGroup is set, the kubelet gives Secrets to a group that the service does not take them from.
    'Secrets have a mode that the service refuses':
      who.fsGroup !== undefined ||
      (spec.volumes.some(({ secret }) => secret !== undefined) && who.runAsGroup !== 0) ||
      spec.volumes.some(
        ({ secret, projected }) => ![SECRET_MODE, undefined].includes(modeOf(secret)) || !isModeOrNone(projected),
      ),
    'there are init containers': spec.initContainers.length > 0,
  }).concat(spec.containers.flatMap((container) => containerFaults(container)));
}

const modeOf = (volume: { readonly defaultMode?: number | undefined } | undefined): number | undefined =>
  volume === undefined ? undefined : (volume.defaultMode ?? 0o644);
const isModeOrNone = (volume: { readonly defaultMode?: number | undefined } | undefined): boolean =>
  [SECRET_MODE, undefined].includes(modeOf(volume));

function containerFaults(container: Container): readonly string[] {
  const { securityContext: may, resources } = container;
  return faults({
    'the image is not this version’s': container.image !== `muster/server:${manifest.version}`,
    'it may gain privileges': may.allowPrivilegeEscalation !== false || may.privileged === true,
    'its root is writable': may.readOnlyRootFilesystem !== true,
    'it has capabilities': may.capabilities.drop.join() !== 'ALL' || may.capabilities.add.length > 0,
    'no requests': resources.requests['cpu'] === undefined || resources.requests['memory'] === undefined,
    'no limits': resources.limits['memory'] === undefined || resources.limits['ephemeral-storage'] === undefined,
    'no startup probe': container.startupProbe?.httpGet.path !== '/livez',
    'no liveness probe': container.livenessProbe?.httpGet.path !== '/livez',
    'no readiness probe': container.readinessProbe?.httpGet.path !== '/readyz',
    'its environment has settings': container.env.length > 0 || container.envFrom.length > 0,
  });
}

const faults = (found: Readonly<Record<string, boolean>>): readonly string[] =>
  Object.entries(found)
    .filter(([, isSo]) => isSo)
    .map(([fault]) => fault);
