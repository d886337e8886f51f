import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';

import { RATING_KEY } from '#attestation/protection-rating.ts';
import { isNodeName } from '#core/ids.ts';
import { systemClock } from '#core/clock.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { encodePem } from '#pki/x509/pem.ts';
import { kubernetesDoctor } from '#services/commands/kubernetes-doctor.ts';
import type { KeptCluster } from '#services/compose/keep-cluster.ts';
import { renderControllerRbac } from '#services/kubernetes/cluster-rbac.ts';
import { CONTAINED_KEY, CORDONED_KEY, NODE_ID_KEY } from '#services/kubernetes/node-controller/node-plan.ts';
import { authorizerLab, type AuthorizerLab, type RunningAuthorizer } from '#test/lab/authorizer-lab.ts';
import { clusterLab, type ClusterLab, kubeconfigText } from '#test/lab/cluster-lab.ts';
import { labSnapshotNode } from '#test/lab/kubernetes-snapshot.ts';
import { labAdmission, labCsr, labIssuer, labKey } from '#test/lab/node-ca.ts';
import { certificatePem, labServerIdentity } from '#test/lab/service-pki.ts';
import { labNodeId, labNodeName } from '#test/lab/store-values.ts';
import { recorder } from '#test/services/commands/recorder.ts';

import { type ApiServer, startApiServer } from './api-server.ts';
import { kubernetesPrograms } from './config.ts';

const programs = kubernetesPrograms();
const NAME = labNodeName(1);
const nodeSchema = z.looseObject({
  metadata: z.looseObject({ uid: z.string(), labels: z.record(z.string(), z.string()) }),
  spec: z.looseObject({
    unschedulable: z.boolean().optional(),
    taints: z.array(z.looseObject({ key: z.string(), value: z.string().optional(), effect: z.string() })).optional(),
  }),
});
const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const COLLECTIONS: Readonly<Record<string, string>> = {
  ClusterRole: `${RBAC}/clusterroles`,
  ClusterRoleBinding: `${RBAC}/clusterrolebindings`,
  Role: `${RBAC}/namespaces/kube-node-lease/roles`,
  RoleBinding: `${RBAC}/namespaces/kube-node-lease/rolebindings`,
};

describe.skipIf(programs === undefined)('a real API server and the node controller (KUBE_APISERVER, ETCD)', () => {
  let lab: AuthorizerLab;
  let running: RunningAuthorizer;
  let cluster: ApiServer;
  let controllers: ClusterLab;
  let kept: KeptCluster;
  let folder: string;

  const node = async (name: string = NAME) =>
    nodeSchema.parse((await cluster.asMaster('GET', `/api/v1/nodes/${name}`)).json);
  const taints = async (name?: string) =>
    ((await node(name)).spec.taints ?? []).map(({ key, value }) => `${key}=${value ?? ''}`);
  const SOON = { timeout: 10_000, interval: 20 };
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  /** The printed rights, as `kubectl apply` would put them there. */
  const grant = async (): Promise<void> => {
    const rights = renderControllerRbac({ deletePods: true, deleteNodes: false, createNodes: false });
    for (const document of parseAllDocuments(rights)) {
      const body = z.looseObject({ kind: z.string() }).parse(document.toJS());
      const { status, text } = await cluster.asMaster('POST', COLLECTIONS[body.kind] ?? '', body);
      expect([body.kind, status, status === 201 ? '' : text]).toEqual([body.kind, 201, '']);
    }
  };
  const join1 = async () => {
    if (!isNodeName(NAME)) throw new Error('a node name');
    const key = labKey();
    const issuer = labIssuer(lab.ca);
    const prepared = issuer.prepare(labAdmission({ nodeName: NAME, ttlSeconds: 3_600 }), labCsr(key), systemClock());
    if (!prepared.ok) throw new Error(prepared.code);
    const { der, fingerprint, notAfter } = await issuer.sign(prepared.prepared);
    return {
      fingerprint,
      notAfter,
      certificate: parseCertificate(der),
      certificatePem: encodePem('CERTIFICATE', der) + certificatePem(lab.ca.issuing.certificate),
      keyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    };
  };

  beforeAll(async () => {
    if (programs === undefined) return;
    folder = mkdtempSync(join(tmpdir(), 'muster-controller-'));
    lab = await authorizerLab({ longestPauseMs: 1_000 });
    running = await lab.start();
    cluster = await startApiServer({
      programs,
      clientCaPem: certificatePem(lab.ca.root.certificate),
      server: await labServerIdentity(lab.ca.management),
      caPem: lab.caPem,
      webhookPort: running.authorizer.webhook.port,
      webhookClient: lab.apiServer,
    });
    await grant();
    const kubeconfig = file(
      'controller.kubeconfig',
      kubeconfigText(cluster.url, lab.caPem, { token: cluster.tokens.controller }),
    );
    controllers = await clusterLab({ kubeconfig });
    kept = await controllers.start();
  }, 120_000);
  afterAll(async () => {
    if (programs === undefined) return;
    await controllers[Symbol.asyncDispose]();
    await cluster[Symbol.asyncDispose]();
    await running[Symbol.asyncDispose]();
    await lab[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  test('a joined node is labelled and tainted; barred, it is contained and refused within two seconds; released, it is as before', async () => {
    const identity = await join1();
    lab.source.put(labSnapshotNode(NAME, { current: [identity], previous: [] }));
    await controllers.put(1, 'joined');
    await running.caughtUp();
    const client = cluster.as(identity);
    const body = { apiVersion: 'v1', kind: 'Node', metadata: { name: NAME } };
    expect((await client.send({ method: 'POST', path: '/api/v1/nodes', body })).status).toBe(201);
    await expect.poll(() => taints(), SOON).toContain(`${RATING_KEY}=protected`);
    expect((await node()).metadata.labels).toMatchObject({ [RATING_KEY]: 'protected', [NODE_ID_KEY]: labNodeId(1) });
    const before = await taints();
    await expect.poll(() => kept.view(NAME)?.nodeUid).toBe((await node()).metadata.uid);

    const start = performance.now();
    lab.source.put(labSnapshotNode(NAME, { state: 'barred', current: [identity], previous: [] }));
    await controllers.put(1, 'barred');
    await expect.poll(() => taints(), SOON).toContain(`${CONTAINED_KEY}=barred`);
    const tookMs = performance.now() - start;
    console.info(`barred → NoExecute and cordon: ${tookMs.toFixed(0)} ms`);
    expect(tookMs).toBeLessThan(2_000);
    const { spec, metadata } = await node();
    expect([spec.unschedulable, metadata.labels[CORDONED_KEY]]).toEqual([true, 'true']);
    expect(spec.taints?.find(({ key }) => key === CONTAINED_KEY)?.effect).toBe('NoExecute');
    await expect.poll(async () => (await client.send({ path: `/api/v1/nodes/${NAME}` })).status, SOON).toBe(403);

    lab.source.put(labSnapshotNode(NAME, { current: [identity], previous: [] }));
    await controllers.put(1, 'joined');
    await expect.poll(() => taints(), SOON).toEqual(before);
    const after = await node();
    expect([after.spec.unschedulable, after.metadata.labels[CORDONED_KEY]]).toEqual([undefined, undefined]);
    await expect.poll(async () => (await client.send({ path: `/api/v1/nodes/${NAME}` })).status, SOON).toBe(200);
  });

  test('the node itself cannot take off what the controller wrote, nor say that it did it', async () => {
    const identity = await join1();
    lab.source.put(labSnapshotNode(NAME, { current: [identity], previous: [] }));
    await running.caughtUp();
    const client = cluster.as(identity);
    for (const body of [
      { spec: { taints: [] } },
      { metadata: { labels: { [CORDONED_KEY]: 'true' } } },
      { metadata: { labels: { [RATING_KEY]: null } } },
    ]) {
      const headers = { 'content-type': 'application/merge-patch+json' };
      const { status } = await client.send({ method: 'PATCH', path: `/api/v1/nodes/${NAME}`, body, headers });
      expect([JSON.stringify(body), status]).toEqual([JSON.stringify(body), 403]);
    }
  });

  test('pods of a barred node are deleted at once, with the printed rights', async () => {
    await cluster.asMaster('POST', '/api/v1/namespaces/default/serviceaccounts', {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'default' },
    });
    const spec = { nodeName: NAME, automountServiceAccountToken: false, containers: [{ name: 'c', image: 'none' }] };
    const made = await cluster.asMaster('POST', '/api/v1/namespaces/default/pods', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'doomed' },
      spec,
    });
    expect(made.status).toBe(201);
    await controllers.put(1, 'barred');
    await expect
      .poll(async () => (await cluster.asMaster('GET', '/api/v1/namespaces/default/pods/doomed')).status, SOON)
      .toBe(404);
  });

  test.each([
    ['GET', '/api/v1/secrets'],
    ['GET', '/api/v1/namespaces/kube-system/configmaps'],
    ['POST', '/api/v1/nodes'],
    ['DELETE', `/api/v1/nodes/${NAME}`],
    ['PUT', `/api/v1/nodes/${NAME}`],
    ['PATCH', `/api/v1/nodes/${NAME}/status`],
    ['POST', '/api/v1/namespaces/default/pods'],
    ['DELETE', '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1'],
    ['GET', '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases'],
    ['POST', '/apis/certificates.k8s.io/v1/certificatesigningrequests'],
    ['POST', `${RBAC}/clusterrolebindings`],
    ['POST', '/api/v1/namespaces/kube-system/serviceaccounts/default/token'],
  ])('the printed rights do not allow %s %s', async (method, path) => {
    const body = method === 'GET' ? undefined : { apiVersion: 'v1', kind: 'Node', metadata: { name: 'x' } };
    expect((await cluster.asController(method, path, body)).status).toBe(403);
  });

  test('the doctor finds nothing open in the clean cluster, and each side door that is opened', async () => {
    const kubeconfig = file(
      'master.kubeconfig',
      kubeconfigText(cluster.url, lab.caPem, { token: cluster.tokens.master }),
    );
    const examine = async () => {
      const person = recorder('/');
      const options = { kubeconfig, authorizationConfig: cluster.authorizationFile, output: 'json' };
      const exit = await kubernetesDoctor(options, person);
      const report = z.object({
        findings: z.array(z.looseObject({ code: z.string(), severity: z.string(), where: z.string() })),
      });
      const { findings } = report.parse(JSON.parse(person.said.out));
      return [
        exit,
        findings.filter(({ severity }) => severity !== 'note').map(({ code, where }) => `${code} ${where}`),
      ];
    };
    expect(await examine()).toEqual([0, []]);
    const binding = (name: string, role: string, group: string) =>
      cluster.asMaster('POST', `${RBAC}/clusterrolebindings`, {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: group }],
      });
    const SELF = 'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient';
    await binding('node-autoapprove-certificate-rotation', SELF, 'system:nodes');
    await binding('everybody', 'view', 'system:unauthenticated');
    const data = {
      'usage-bootstrap-authentication': 'dHJ1ZQ==',
      'token-id': 'YWJjZGVm',
      'token-secret': 'MDEyMzQ1Njc4OWFiY2RlZg==',
    };
    const metadata = { name: 'bootstrap-token-abcdef' };
    const token = { apiVersion: 'v1', kind: 'Secret', metadata, type: 'bootstrap.kubernetes.io/token', data };
    expect((await cluster.asMaster('POST', '/api/v1/namespaces/kube-system/secrets', token)).status).toBe(201);
    const [exit, found] = await examine();
    expect(exit).toBe(1);
    expect(found).toEqual([
      'anonymous-bound ClusterRoleBinding/everybody',
      'csr-auto-approval ClusterRoleBinding/node-autoapprove-certificate-rotation',
      'bootstrap-token Secret/kube-system/bootstrap-token-abcdef',
      'nodes-group-bound ClusterRoleBinding/node-autoapprove-certificate-rotation',
    ]);
  });
});
