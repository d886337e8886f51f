import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';
import { z } from 'zod';

import { permissionFault } from '#pki/private-file.ts';
import { readAdministrators } from '#services/administrators.ts';
import { parseServerConfig, readEnvironment } from '#services/config/config.ts';
import { ConfigError } from '#services/config/strict-document.ts';
import { renderControllerRbac } from '#services/kubernetes/cluster-rbac.ts';
import { readPolicy } from '#services/policy-source.ts';

import { documentsIn, FOLDER, MANIFESTS } from './manifests.ts';
import { podOf, type PodSpec } from './pod-rules.ts';

const read = (name: string): string => readFileSync(join(FOLDER, name), 'utf8');
const config = parseServerConfig(read('example/muster.yaml'), '/etc/muster/config/muster.yaml');
const { object: deployment } = MANIFESTS.find(({ object }) => object.kind === 'Deployment') ?? { object: undefined };
const pod: PodSpec | undefined = deployment === undefined ? undefined : podOf(deployment)?.spec;
const [container] = pod?.containers ?? [];

const patchSchema = z.object({
  spec: z.object({
    template: z.object({
      spec: z.object({
        containers: z.tuple([
          z.object({ name: z.literal('muster'), volumeMounts: z.array(z.looseObject({ mountPath: z.string() })) }),
        ]),
      }),
    }),
  }),
});

/** Where a component mounts what it brings. */
const mountsOf = (patch: string): readonly string[] =>
  documentsIn(read(patch), patch).flatMap((document) =>
    patchSchema.parse(document).spec.template.spec.containers[0].volumeMounts.map(({ mountPath }) => mountPath),
  );

const textsIn = (value: unknown): readonly string[] =>
  typeof value === 'string'
    ? [value]
    : typeof value === 'object' && value !== null
      ? Object.values(value).flatMap(textsIn)
      : [];

describe('the example’s configuration', () => {
  test('is one that the service takes, and so are its policy and its list of administrators', async () => {
    expect(config.kind).toBe('ServerConfig');
    expect([...(await readPolicy(join(FOLDER, 'example/policy.yaml'))).pools.keys()]).toEqual(['general']);
    expect(await readAdministrators(join(FOLDER, 'example/administrators.yaml'))).toEqual(new Set());
  });

  test('listens where the pod’s ports and probes say', () => {
    const { node, admin, metrics, health } = config.listeners;
    const ports = { node: node.port, admin: admin.port, metrics: metrics?.port, health: health?.port };
    expect(Object.fromEntries(container?.ports.map(({ name, containerPort }) => [name, containerPort]) ?? [])).toEqual(
      ports,
    );
    for (const { host } of [node, admin, metrics, health].flatMap((listener) => listener ?? []))
      expect(host).toBe('0.0.0.0');
    for (const probe of [container?.startupProbe, container?.livenessProbe, container?.readinessProbe])
      expect(probe?.httpGet).toMatchObject({ port: 'health' });
    expect(metrics?.access).toBe('client-certificate');
  });

  test('names no file outside of what is mounted, and the page says what each must be', () => {
    const page = readFileSync('docs/operations/run-on-kubernetes.md', 'utf8');
    const mounts = [
      ...(container?.volumeMounts.map(({ mountPath }) => mountPath) ?? []),
      ...mountsOf('components/node-controller/token.yaml'),
      ...mountsOf('components/vault-login/token.yaml'),
    ];
    const files = textsIn(config).filter((text) => text.startsWith('/'));
    expect(files.length).toBeGreaterThan(10);
    for (const file of files) {
      const mount = mounts.find((path) => file.startsWith(`${path}/`));
      expect(file).toBe(`${mount}/${file.split('/').at(-1)}`);
    }
    const bySite = files.filter((file) => /\/(?:tls|keys|certificates)\//.test(file));
    expect(bySite.filter((file) => !page.includes(`\`${file.split('/').at(-1)}\``))).toEqual([]);
  });

  test('ends before the kubelet loses its patience', () => {
    const { delaySeconds, graceSeconds } = config.shutdown;
    // The listeners end one after the other.
    expect(pod?.terminationGracePeriodSeconds ?? 0).toBeGreaterThanOrEqual(delaySeconds + 2 * graceSeconds + 10);
  });

  test('keeps records and the issuing key outside of the pod', () => {
    expect([config.store.kind, config.issuer.signer.kind]).toEqual(['postgres', 'vault']);
  });
});

describe('the pod', () => {
  test('is the image’s user, gives its program arguments, and has the ports that it names', () => {
    const image = readFileSync('deploy/images/server.Dockerfile', 'utf8').split('\n');
    expect(image).toEqual(
      expect.arrayContaining([
        `USER ${pod?.securityContext.runAsUser}:65532`,
        `EXPOSE ${container?.ports.map(({ containerPort }) => containerPort).join(' ')}`,
        'ENTRYPOINT ["/usr/bin/muster"]',
      ]),
    );
    expect(container?.['command']).toBeUndefined();
    expect(container?.args.slice(0, 2)).toEqual(['serve', '--config']);
  });

  test('hands over Secrets with the one mode and group that the service takes', () => {
    const file = (gid: number, mode: number) => ({ uid: 0, gid, mode: 0o100_000 + mode, isFile: () => true });
    const { runAsUser, runAsGroup = -1 } = pod?.securityContext ?? {};
    expect(permissionFault(file(runAsGroup, 0o440), runAsUser)).toBeUndefined();
    expect(permissionFault(file(65_532, 0o440), runAsUser)?.code).toBe('readable-by-others');
    expect(permissionFault(file(runAsGroup, 0o444), runAsUser)?.code).toBe('readable-by-others');
  });

  test('has no Service’s address in its environment, where the service would not start', () => {
    expect(pod?.enableServiceLinks).toBe(false);
    expect(() => readEnvironment({ MUSTER_NODES_SERVICE_HOST: '10.0.0.1' })).toThrow(ConfigError);
  });
});

test('the node controller’s rights are those that `muster kubernetes config` prints', () => {
  const file = 'node-controller-rbac/rbac.yaml';
  const printed = renderControllerRbac({ deletePods: true, deleteNodes: false, createNodes: false });
  expect(documentsIn(read(file), file)).toEqual(documentsIn(printed, 'printed'));
});
