import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';

import { systemClock } from '#core/clock.ts';
import { isNodeName } from '#core/ids.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { encodePem } from '#pki/x509/pem.ts';
import { openKubeconfigClient } from '#services/kubernetes/cluster/kubeconfig-client.ts';
import {
  findKustomize,
  type ManifestObject,
  MANIFESTS,
  objectSchema,
  render,
} from '#test/deploy/kubernetes/manifests.ts';
import { podOf } from '#test/deploy/kubernetes/pod-rules.ts';
import { authorizerLab } from '#test/lab/authorizer-lab.ts';
import { labAdmission, labCsr, labIssuer, labKey } from '#test/lab/node-ca.ts';
import { freePorts } from '#test/lab/programs.ts';
import { certificatePem, labServerIdentity, type TlsIdentity } from '#test/lab/service-pki.ts';

import { type ApiServer, startApiServer } from './api-server.ts';
import { kubernetesPrograms } from './config.ts';

const programs = kubernetesPrograms();
const kustomize = findKustomize();

/** What a site applies; without kustomize, what is written down whole. Objects of operators that this API server does not have are left out. */
const APPLIED: readonly ManifestObject[] = (
  kustomize === undefined
    ? MANIFESTS.map(({ object }) => object)
    : [...render(kustomize, 'example'), ...render(kustomize, 'authorizer/daemon-set')]
).filter(({ apiVersion, kind }) => !apiVersion.startsWith('monitoring.') && kind !== 'Pod');
const STATIC_POD = MANIFESTS.find(({ object }) => object.kind === 'Pod')?.object;

const PLURALS: Readonly<Record<string, string>> = { NetworkPolicy: 'networkpolicies' };
const collectionOf = ({ apiVersion, kind, metadata: { namespace } }: ManifestObject): string =>
  [
    apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`,
    ...(namespace === undefined ? [] : ['namespaces', namespace]),
    PLURALS[kind] ?? `${kind.toLowerCase()}s`,
  ].join('/');

const template = (name: string): ManifestObject => {
  const made = APPLIED.find(
    ({ kind, metadata }) => ['Deployment', 'DaemonSet'].includes(kind) && metadata.name === name,
  );
  const pod = made === undefined ? undefined : podOf(made);
  const metadata = { name, namespace: made?.metadata.namespace, labels: pod?.labels };
  return objectSchema.parse({ apiVersion: 'v1', kind: 'Pod', metadata, spec: pod?.spec });
};

describe.skipIf(programs === undefined)('a real API server and what is deployed on it (KUBE_APISERVER, ETCD)', () => {
  let cluster: ApiServer;
  let folder: string;
  const undo = new AsyncDisposableStack();
  let nodeIdentity: (name: string) => Promise<TlsIdentity>;
  const apply = (object: ManifestObject) =>
    cluster.asMaster('POST', `${collectionOf(object)}?fieldValidation=Strict`, object);

  beforeAll(async () => {
    if (programs === undefined) return;
    folder = mkdtempSync(join(tmpdir(), 'muster-deployment-'));
    undo.defer(() => rmSync(folder, { recursive: true, force: true }));
    const lab = undo.use(await authorizerLab({ longestPauseMs: 1_000 }));
    // Nothing listens here: nobody has started an authorizer yet.
    const [webhookPort] = await freePorts();
    cluster = undo.use(
      await startApiServer({
        programs,
        clientCaPem: certificatePem(lab.ca.root.certificate),
        server: await labServerIdentity(lab.ca.management),
        caPem: lab.caPem,
        webhookPort,
        webhookClient: lab.apiServer,
      }),
    );
    writeFileSync(join(folder, 'ca.crt'), lab.caPem);
    nodeIdentity = async (name) => {
      if (!isNodeName(name)) throw new Error('a node name');
      const key = labKey();
      const issuer = labIssuer(lab.ca);
      const prepared = issuer.prepare(labAdmission({ nodeName: name, ttlSeconds: 3_600 }), labCsr(key), systemClock());
      if (!prepared.ok) throw new Error(prepared.code);
      const { der } = await issuer.sign(prepared.prepared);
      return {
        certificate: parseCertificate(der),
        certificatePem: encodePem('CERTIFICATE', der) + certificatePem(lab.ca.issuing.certificate),
        keyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
      };
    };
    // Nobody runs the controllers that make it.
    const metadata = { name: 'default', namespace: 'kube-system' };
    await apply(objectSchema.parse({ apiVersion: 'v1', kind: 'ServiceAccount', metadata }));
    const namespaces = APPLIED.filter(({ kind }) => kind === 'Namespace');
    for (const object of [...namespaces, ...APPLIED.filter((other) => !namespaces.includes(other))]) {
      const { status, text } = await apply(object);
      applied.push([object.kind, object.metadata.name, status, status === 201 ? '' : text]);
    }
  }, 120_000);
  const applied: (readonly [string, string, number, string])[] = [];
  afterAll(() => undo.disposeAsync());

  test('takes every object, and knows every member of it', () => {
    expect(applied.length).toBeGreaterThan(10);
    expect(applied).toEqual(applied.map(([kind, name]) => [kind, name, 201, '']));
  });

  test('refuses a member that it does not know, when it is asked to', async () => {
    const [namespace] = APPLIED.filter(({ kind }) => kind === 'Namespace');
    const { status } = await apply(objectSchema.parse({ ...namespace, metadata: { name: 'other' }, spek: {} }));
    expect(status).toBe(400);
  });

  test('admits the service’s pod to its namespace, and nothing of less restraint', async () => {
    const pod = template('muster');
    const spec = podOf(pod)?.spec;
    expect(await apply(pod)).toMatchObject({ status: 201 });
    for (const change of [{ hostNetwork: true }, { securityContext: {} }, { hostPID: true }]) {
      const other = objectSchema.parse({
        ...pod,
        metadata: { ...pod.metadata, name: 'other' },
        spec: { ...spec, ...change },
      });
      expect(await apply(other)).toMatchObject({ status: 403, text: expect.stringContaining('violates PodSecurity') });
    }
  });

  test('admits the authorizer’s pod to its own namespace and to kube-system, and not to the service’s', async () => {
    const pod = template('muster-authorizer');
    expect(await apply(pod)).toMatchObject({ status: 201 });
    const metadata = { ...pod.metadata, namespace: 'muster' };
    const here = objectSchema.parse({ ...pod, metadata, spec: { ...podOf(pod)?.spec, serviceAccountName: 'muster' } });
    expect(await apply(here)).toMatchObject({ status: 403, text: expect.stringContaining('violates PodSecurity') });
    if (STATIC_POD === undefined) throw new Error('there is a static pod');
    expect(await apply(STATIC_POD)).toMatchObject({ status: 201 });
  });

  const isAllowed = async (user: string, attributes: object): Promise<boolean> => {
    const body = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: { user, resourceAttributes: attributes },
    };
    const { json } = await cluster.asMaster('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', body);
    return z.looseObject({ status: z.looseObject({ allowed: z.boolean() }) }).parse(json).status.allowed;
  };

  test.skipIf(kustomize === undefined).each([
    ['list', '', 'nodes', undefined, true],
    ['patch', '', 'nodes', undefined, true],
    ['delete', '', 'pods', 'default', true],
    ['watch', 'coordination.k8s.io', 'leases', 'kube-node-lease', true],
    ['create', '', 'nodes', undefined, false],
    ['delete', '', 'nodes', undefined, false],
    ['update', '', 'nodes', undefined, false],
    ['patch', '', 'pods', 'default', false],
    ['get', '', 'secrets', 'muster', false],
    ['get', 'coordination.k8s.io', 'leases', 'kube-system', false],
    ['create', 'certificates.k8s.io', 'certificatesigningrequests', undefined, false],
    ['create', '', 'serviceaccounts', 'muster', false],
  ])('lets the service’s account %s %s %s in %s: %s', async (verb, group, resource, namespace, allowed) => {
    const user = 'system:serviceaccount:muster:muster';
    expect(await isAllowed(user, { verb, group, resource, namespace })).toBe(allowed);
    expect(await isAllowed('system:serviceaccount:muster:default', { verb, group, resource, namespace })).toBe(false);
    expect(
      await isAllowed('system:serviceaccount:muster-authorizer:muster-authorizer', {
        verb,
        group,
        resource,
        namespace,
      }),
    ).toBe(false);
  });

  test.skipIf(kustomize === undefined)(
    'is reached by the node controller with the kubeconfig and a token as they are mounted',
    async () => {
      const request = {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { expirationSeconds: 3_600 },
      };
      const path = '/api/v1/namespaces/muster/serviceaccounts/muster/token';
      const { json } = await cluster.asMaster('POST', path, request);
      const { status } = z.looseObject({ status: z.looseObject({ token: z.string() }) }).parse(json);
      writeFileSync(join(folder, 'token'), status.token);
      const map = APPLIED.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'muster-cluster');
      const { kubeconfig } = z.object({ kubeconfig: z.string() }).parse(map?.['data']);
      const file = join(folder, 'kubeconfig');
      const here = kubeconfig
        .replace('https://kubernetes.default.svc', cluster.url)
        .replaceAll('/etc/muster/cluster', folder);
      writeFileSync(file, here, { mode: 0o600 });
      using client = await openKubeconfigClient(file);
      const stop = new AbortController().signal;
      expect((await client.send({ method: 'GET', path: '/api/v1/nodes' }, stop)).status).toBe(200);
      expect((await client.send({ method: 'GET', path: '/api/v1/namespaces/muster/secrets' }, stop)).status).toBe(403);
    },
  );

  test('answers no kubelet while no authorizer runs, but those that the page’s condition leaves out', async () => {
    const statusOf = async (name: string) =>
      (await cluster.as(await nodeIdentity(name)).send({ path: `/api/v1/nodes/${name}` })).status;
    expect([await statusOf('control-plane-1'), await statusOf('worker-1')]).toEqual([500, 500]);

    const page = readFileSync('docs/operations/run-on-kubernetes.md', 'utf8');
    const [condition] = /^ *- expression: "!.*$/m.exec(page) ?? [];
    const before = readFileSync(cluster.authorizationFile, 'utf8');
    expect(before.split('\n- type: Node\n')).toHaveLength(2);
    const next = join(folder, 'authorization.yaml');
    writeFileSync(next, before.replace('\n- type: Node\n', `\n    ${condition?.trim()}\n- type: Node\n`));
    renameSync(next, cluster.authorizationFile);
    // 404: it may ask about its own Node, which nobody has made.
    await expect.poll(() => statusOf('control-plane-1'), { timeout: 70_000, interval: 500 }).toBe(404);
    expect(await statusOf('worker-1')).toBe(500);
  }, 90_000);
});
