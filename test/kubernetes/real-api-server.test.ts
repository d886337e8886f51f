import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';

import { systemClock } from '#core/clock.ts';
import { type CertificateFingerprint, isNodeName } from '#core/ids.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { encodePem } from '#pki/x509/pem.ts';
import type { SnapshotNode } from '#services/kubernetes/snapshot.ts';
import { authorizerLab, type AuthorizerLab, type RunningAuthorizer } from '#test/lab/authorizer-lab.ts';
import type { LabClient } from '#test/lab/https-client.ts';
import { labSnapshotNode } from '#test/lab/kubernetes-snapshot.ts';
import { certificatePem, labServerIdentity, type TlsIdentity } from '#test/lab/service-pki.ts';
import { labAdmission, labCsr, labIssuer, labKey } from '#test/lab/node-ca.ts';

import { type ApiServer, startApiServer } from './api-server.ts';
import { kubernetesPrograms } from './config.ts';

const programs = kubernetesPrograms();

interface NodeIdentity extends TlsIdentity {
  readonly fingerprint: CertificateFingerprint;
  readonly notAfter: Date;
}

describe.skipIf(programs === undefined)('a real API server that asks the authorizer (KUBE_APISERVER, ETCD)', () => {
  let lab: AuthorizerLab;
  let running: RunningAuthorizer;
  let cluster: ApiServer;

  /** A kubelet's certificate as our issuer makes them. Whether anybody lists it is another matter. */
  const issue = async (name: string): Promise<NodeIdentity> => {
    if (!isNodeName(name)) throw new Error('a node name');
    const key = labKey();
    const issuer = labIssuer(lab.ca);
    const preparation = issuer.prepare(labAdmission({ nodeName: name, ttlSeconds: 3_600 }), labCsr(key), systemClock());
    if (!preparation.ok) throw new Error(preparation.code);
    const { der, fingerprint, notAfter } = await issuer.sign(preparation.prepared);
    return {
      certificate: parseCertificate(der),
      certificatePem: encodePem('CERTIFICATE', der) + certificatePem(lab.ca.issuing.certificate),
      keyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
      fingerprint,
      notAfter,
    };
  };
  const list = (name: string, current: NodeIdentity, change: Partial<SnapshotNode> = {}): void =>
    lab.source.put(labSnapshotNode(name, { current: [current], previous: [], ...change }));
  /** A node that has joined: its certificate is on the list, and its Node object is there. */
  const joined = async (name: string): Promise<{ identity: NodeIdentity; client: LabClient }> => {
    const identity = await issue(name);
    list(name, identity);
    await running.caughtUp();
    const client = cluster.as(identity);
    expect((await createNode(client, name)).status).toBe(201);
    return { identity, client };
  };
  const getSelf = async (client: LabClient, name: string): Promise<number> =>
    (await client.send({ path: `/api/v1/nodes/${name}` })).status;

  beforeAll(async () => {
    if (programs === undefined) return;
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
  }, 120_000);
  afterAll(async () => {
    if (programs === undefined) return;
    await cluster[Symbol.asyncDispose]();
    await running[Symbol.asyncDispose]();
    await lab[Symbol.asyncDispose]();
  });

  test('our certificate creates its own Node and Lease, and nothing of another node’s', async () => {
    const { client } = await joined('n1');
    expect((await createLease(client, 'n1')).status).toBe(201);
    expect((await createNode(client, 'n2')).status).toBe(403);
    expect((await createLease(client, 'n2')).status).toBe(403);
    expect((await client.send({ path: '/api/v1/secrets' })).status).toBe(403);
    expect(await getSelf(client, 'n1')).toBe(200);
  });

  test('a barred node gets 403 within a second, on the connection that it has, and no other node does', async () => {
    const barred = await joined('b1');
    const other = await joined('b2');
    expect(await getSelf(barred.client, 'b1')).toBe(200);
    const start = performance.now();
    list('b1', barred.identity, { state: 'barred' });
    let response = await barred.client.send({ path: '/api/v1/nodes/b1' });
    while (response.status === 200) response = await barred.client.send({ path: '/api/v1/nodes/b1' });
    const tookMs = performance.now() - start;
    console.info(`barred → first 403: ${tookMs.toFixed(0)} ms`);
    expect(response.status).toBe(403);
    expect(response.text).toContain('muster: node-barred');
    expect(tookMs).toBeLessThan(1_000);
    expect(await getSelf(other.client, 'b2')).toBe(200);
  });

  test('a certificate of the same CA that is not on the list gets 403', async () => {
    const { client } = await joined('u1');
    const unlisted = cluster.as(await issue('u1'));
    const response = await unlisted.send({ path: '/api/v1/nodes/u1' });
    expect([response.status, await getSelf(client, 'u1')]).toEqual([403, 200]);
    expect(response.text).toContain('muster: credential-unknown');
  });

  test('after a re-issue the old certificate works until the new one is used, and no longer', async () => {
    const { identity: old, client: withOld } = await joined('r1');
    const renewed = await issue('r1');
    list('r1', renewed, { previous: [old] });
    await running.caughtUp();
    expect(await getSelf(withOld, 'r1')).toBe(200);
    expect(await getSelf(cluster.as(renewed), 'r1')).toBe(200);
    expect(await getSelf(withOld, 'r1')).toBe(403);
    expect(await getSelf(cluster.as(renewed), 'r1')).toBe(200);
  });

  test('a node cannot ask the cluster’s own CA for a certificate', async () => {
    const { client } = await joined('c1');
    const response = await client.send({
      method: 'POST',
      path: '/apis/certificates.k8s.io/v1/certificatesigningrequests',
      body: csrFor('c1'),
    });
    expect(response.status).toBe(403);
    expect(response.text).toContain('muster: certificate-request');
  });

  test('a token of a pod on a node is refused with the node', async () => {
    const { identity } = await joined('t1');
    const token = await podToken(cluster, 't1');
    expect((await cluster.withToken(token, '/version')).status).toBe(200);
    list('t1', identity, { state: 'barred' });
    await running.caughtUp();
    const response = await cluster.withToken(token, '/apis');
    expect([response.status, response.text.includes('muster: node-barred')]).toEqual([403, true]);
  });

  test('while the webhook is down nodes are refused, and nobody else notices', async () => {
    const { client } = await joined('d1');
    await running[Symbol.asyncDispose]();
    expect(await getSelf(client, 'd1')).toBe(500);
    expect((await cluster.asMaster('GET', '/api/v1/nodes/d1')).status).toBe(200);
    const account = await serviceAccountToken(cluster);
    expect((await cluster.withToken(account, '/version')).status).toBe(200);
    lab.service.isUp = false;
    running = await lab.start();
    await expect.poll(() => getSelf(client, 'd1'), { timeout: 10_000 }).toBe(200);
    lab.service.isUp = true;
  });

  test('the break-glass form bars what it names while there is no authorizer, and nothing else', async () => {
    const byName = await joined('g1');
    const byCertificate = await joined('g2');
    const other = await joined('g3');
    const token = await podToken(cluster, 'g1');
    await running[Symbol.asyncDispose]();
    cluster.breakGlass({ nodeNames: ['g1'], fingerprints: [byCertificate.identity.fingerprint] });
    await expect.poll(() => getSelf(other.client, 'g3'), { timeout: 15_000 }).toBe(200);
    expect(await getSelf(byName.client, 'g1')).not.toBe(200);
    expect(await getSelf(byCertificate.client, 'g2')).not.toBe(200);
    expect(await getSelf(cluster.as(await issue('g2')), 'g2')).toBe(200);
    expect((await cluster.withToken(token, '/version')).status).not.toBe(200);
    expect((await cluster.withToken(await serviceAccountToken(cluster), '/version')).status).toBe(200);
    running = await lab.start();
  });
});

const createNode = (client: LabClient, name: string) =>
  client.send({
    method: 'POST',
    path: '/api/v1/nodes',
    body: { apiVersion: 'v1', kind: 'Node', metadata: { name } },
  });

const createLease = (client: LabClient, name: string) =>
  client.send({
    method: 'POST',
    path: '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases',
    body: {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name, namespace: 'kube-node-lease' },
      spec: { holderIdentity: name, leaseDurationSeconds: 40 },
    },
  });

/** What a kubelet with `rotateCertificates: true` sends. The API server looks into the request only after it was authorized. */
const csrFor = (name: string) => ({
  apiVersion: 'certificates.k8s.io/v1',
  kind: 'CertificateSigningRequest',
  metadata: { name: `csr-${name}` },
  spec: {
    signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
    usages: ['digital signature', 'client auth'],
    request: Buffer.from(encodePem('CERTIFICATE REQUEST', labCsr(labKey(), `system:node:${name}`).der)).toString(
      'base64',
    ),
  },
});

const tokenSchema = z.object({ status: z.object({ token: z.string() }) });

async function createAccount(cluster: ApiServer): Promise<void> {
  const metadata = { name: 'default', namespace: 'default' };
  const body = { apiVersion: 'v1', kind: 'ServiceAccount', metadata };
  const { status } = await cluster.asMaster('POST', '/api/v1/namespaces/default/serviceaccounts', body);
  expect([201, 409]).toContain(status);
}

async function requestToken(cluster: ApiServer, spec: object): Promise<string> {
  const path = '/api/v1/namespaces/default/serviceaccounts/default/token';
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec };
  return tokenSchema.parse((await cluster.asMaster('POST', path, body)).json).status.token;
}

/** A token of no pod and no node. */
async function serviceAccountToken(cluster: ApiServer): Promise<string> {
  await createAccount(cluster);
  return requestToken(cluster, { expirationSeconds: 3_600 });
}

/** The token of a pod that runs on `node`. */
async function podToken(cluster: ApiServer, node: string): Promise<string> {
  await createAccount(cluster);
  const name = `pod-on-${node}`;
  const spec = { nodeName: node, automountServiceAccountToken: false, containers: [{ name: 'c', image: 'none' }] };
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec };
  const made = await cluster.asMaster('POST', '/api/v1/namespaces/default/pods', pod);
  const { uid } = z.object({ metadata: z.object({ uid: z.string() }) }).parse(made.json).metadata;
  return requestToken(cluster, {
    expirationSeconds: 3_600,
    boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name, uid },
  });
}
