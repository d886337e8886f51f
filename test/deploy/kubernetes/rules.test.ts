import { describe, expect, test } from 'vitest';

import { coverageFaults, roleFaults } from './cluster-rules.ts';
import { faultsOf } from './all-rules.ts';
import { type ManifestObject, MANIFESTS, objectSchema } from './manifests.ts';
import { podFaults, podOf } from './pod-rules.ts';

const WRITTEN = MANIFESTS.map(({ object }) => object);

/** The one object of that kind and name. */
function the(kind: string, name: string): ManifestObject {
  const [found, ...others] = WRITTEN.filter((object) => object.kind === kind && object.metadata.name === name);
  if (found === undefined || others.length > 0) throw new Error(`${kind} ${name}: not one of it`);
  return found;
}

/** `value` with what is at `path` replaced; with undefined, left out. */
function withChange(value: unknown, [key, ...rest]: readonly (string | number)[], to: unknown): unknown {
  if (key === undefined) return to;
  if (Array.isArray(value)) return value.map((item, index) => (index === key ? withChange(item, rest, to) : item));
  if (typeof value !== 'object' || value === null) throw new Error(`nothing has a member ${key}`);
  const members = new Map<string | number, unknown>(Object.entries(value));
  return Object.fromEntries(members.set(key, withChange(members.get(key), rest, to)));
}

describe('what is deployed', () => {
  test('holds our rules as it is written', () => {
    expect(WRITTEN.flatMap((object) => podOf(object) ?? [])).toHaveLength(3);
    expect(faultsOf(WRITTEN)).toEqual([]);
  });

  test('brings no Secret: it names those that there must be', () => {
    expect(WRITTEN.filter(({ kind }) => kind === 'Secret')).toEqual([]);
  });

  test('has the same authorizer as a static pod and as a DaemonSet', () => {
    const asPod = podOf(the('Pod', 'muster-authorizer'))?.spec ?? {};
    const placed = podOf(the('DaemonSet', 'muster-authorizer'))?.spec ?? {};
    const placement = {
      serviceAccountName: 'muster-authorizer',
      nodeSelector: { 'node-role.kubernetes.io/control-plane': '' },
      tolerations: [{ operator: 'Exists' }],
    };
    expect(placed).toEqual({ ...asPod, ...placement });
  });

  test('keeps the authorizer to loopback, where its own configuration puts it', () => {
    const { containers } = podOf(the('Pod', 'muster-authorizer'))?.spec ?? { containers: [] };
    for (const { startupProbe, livenessProbe, readinessProbe } of containers) {
      for (const probe of [startupProbe, livenessProbe, readinessProbe])
        expect(probe?.httpGet).toMatchObject({ host: '127.0.0.1', port: 7_446 });
    }
  });
});

describe('our rules', () => {
  const deployment = the('Deployment', 'muster');
  const pod = ['spec', 'template', 'spec'];
  const container = [...pod, 'containers', 0];
  const keys = [...pod, 'volumes', 4];

  test.each<[string, readonly (string | number)[], unknown, string | undefined]>([
    ['nothing', ['metadata', 'annotations'], {}, undefined],
    ['the token', [...pod, 'automountServiceAccountToken'], undefined, 'a token is mounted unasked'],
    ['service links', [...pod, 'enableServiceLinks'], undefined, 'addresses of Services become settings'],
    ['the user', [...pod, 'securityContext', 'runAsNonRoot'], undefined, 'it may run as root'],
    ['the user’s number', [...pod, 'securityContext', 'runAsUser'], 0, 'it may run as root'],
    ['seccomp', [...pod, 'securityContext', 'seccompProfile', 'type'], 'Unconfined', 'no seccomp profile'],
    ['the host’s network', [...pod, 'hostNetwork'], true, 'it is on the host'],
    ['the host’s processes', [...pod, 'hostPID'], true, 'it sees the host’s processes'],
    ['a mode', [...keys, 'secret', 'defaultMode'], 0o444, 'Secrets have a mode that the service refuses'],
    ['the default mode', [...keys, 'secret', 'defaultMode'], undefined, 'Secrets have a mode that the service refuses'],
    ['the group', [...pod, 'securityContext', 'runAsGroup'], 65_532, 'Secrets have a mode that the service refuses'],
    ['fsGroup', [...pod, 'securityContext', 'fsGroup'], 0, 'Secrets have a mode that the service refuses'],
    ['an init container', [...pod, 'initContainers'], [{}], 'there are init containers'],
    ['the image', [...container, 'image'], 'muster/server:latest', 'the image is not this version’s'],
    ['escalation', [...container, 'securityContext', 'allowPrivilegeEscalation'], undefined, 'it may gain privileges'],
    ['privilege', [...container, 'securityContext', 'privileged'], true, 'it may gain privileges'],
    ['the root', [...container, 'securityContext', 'readOnlyRootFilesystem'], false, 'its root is writable'],
    ['the capabilities', [...container, 'securityContext', 'capabilities', 'drop'], ['NET_RAW'], 'it has capabilities'],
    ['one capability', [...container, 'securityContext', 'capabilities', 'add'], ['SYS_TIME'], 'it has capabilities'],
    ['the requests', [...container, 'resources', 'requests'], {}, 'no requests'],
    ['the limits', [...container, 'resources', 'limits'], {}, 'no limits'],
    ['the start’s probe', [...container, 'startupProbe'], undefined, 'no startup probe'],
    ['liveness by readiness', [...container, 'livenessProbe', 'httpGet', 'path'], '/readyz', 'no liveness probe'],
    ['readiness', [...container, 'readinessProbe'], undefined, 'no readiness probe'],
    ['a variable', [...container, 'env'], [{ name: 'A', value: 'b' }], 'its environment has settings'],
  ])('about pods notice a change of %s', (_, path, to, fault) => {
    const changed = podOf(objectSchema.parse(withChange(deployment, path, to)));
    if (changed === undefined) throw new Error('a pod');
    expect(podFaults('muster', changed.spec)).toEqual(fault === undefined ? [] : [fault]);
  });

  const role = the('ClusterRole', 'muster-node-controller');
  test.each<[string, object, string | undefined]>([
    ['a right', { apiGroups: [''], resources: ['nodes'], verbs: ['get'] }, undefined],
    ['every verb', { apiGroups: [''], resources: ['nodes'], verbs: ['*'] }, 'a wildcard: *'],
    ['every resource', { apiGroups: [''], resources: ['*'], verbs: ['get'] }, 'a wildcard: *'],
    ['every subresource', { apiGroups: [''], resources: ['nodes/*'], verbs: ['get'] }, 'a wildcard: nodes/*'],
    ['every group', { apiGroups: ['*'], resources: ['nodes'], verbs: ['get'] }, 'a wildcard: *'],
    ['binding', { apiGroups: [''], resources: ['clusterroles'], verbs: ['bind'] }, 'a verb that raises: bind'],
    ['secrets', { apiGroups: [''], resources: ['secrets'], verbs: ['get'] }, 'secrets: secrets'],
  ])('about roles judge %s', (_, right, fault) => {
    const changed = objectSchema.parse({ ...role, rules: [right] });
    expect(roleFaults(changed)).toEqual(fault === undefined ? [] : [`ClusterRole muster-node-controller: ${fault}`]);
  });

  const without = (kind: string, name: string) => WRITTEN.filter((object) => object !== the(kind, name));
  const changing = (kind: string, name: string, path: readonly (string | number)[], to: unknown) => [
    ...without(kind, name),
    objectSchema.parse(withChange(the(kind, name), path, to)),
  ];
  test.each<[string, readonly ManifestObject[], readonly string[]]>([
    ['nothing', WRITTEN, []],
    ['the budget', without('PodDisruptionBudget', 'muster'), ['muster: no disruption budget']],
    [
      'whom the budget is for',
      changing('PodDisruptionBudget', 'muster', ['spec', 'selector', 'matchLabels'], { app: 'other' }),
      ['muster: no disruption budget'],
    ],
    ['the denial', without('NetworkPolicy', 'default-deny'), ['muster: what is not allowed passes']],
    [
      'half of the denial',
      changing('NetworkPolicy', 'default-deny', ['spec', 'policyTypes'], ['Ingress']),
      ['muster: what is not allowed passes'],
    ],
    [
      'where calls may go',
      changing('NetworkPolicy', 'muster', ['spec', 'egress'], [{ ports: [{ port: 443 }] }]),
      ['muster: it may call everywhere'],
    ],
    [
      'the namespace',
      changing('Namespace', 'muster', ['metadata', 'labels', 'pod-security.kubernetes.io/enforce'], 'baseline'),
      ['muster: its namespace is not restricted'],
    ],
    [
      'a port',
      changing('Service', 'muster-admin', ['spec', 'ports', 0, 'targetPort'], 'administration'),
      ['muster-admin: no pod has port administration'],
    ],
  ])('about what stands around pods notice a change of %s', (_, objects, faults) => {
    expect(coverageFaults(objects)).toEqual(faults);
  });
});
