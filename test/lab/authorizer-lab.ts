import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { type Clock, systemClock } from '#core/clock.ts';
import { systemRandom } from '#core/random.ts';
import { type Authorizer, startAuthorizer } from '#services/kubernetes/authorizer/main.ts';
import { snapshotFeed } from '#services/kubernetes/snapshot-feed.ts';
import { MemorySnapshotSource } from '#test/fakes/memory-snapshot-source.ts';
import { silentLog } from '#test/fakes/silent-log.ts';

import { type LabClient, labClient, type LabResponse } from './https-client.ts';
import { labSnapshotKeys } from './kubernetes-snapshot.ts';
import { labNodeCa, type NodeCa } from './node-ca.ts';
import { certificatePem, labAdministrator, labServerIdentity, type TlsIdentity } from './service-pki.ts';

/** Real authorizers over TLS, one after the other on one disk, and the service's side of them without its HTTP. */
export interface AuthorizerLab extends AsyncDisposable {
  readonly source: MemorySnapshotSource;
  readonly folder: string;
  readonly snapshotFile: string;
  readonly ca: NodeCa;
  readonly caPem: string;
  /** What the API server shows. */
  readonly apiServer: TlsIdentity;
  /** False: nothing that the authorizer asks is answered. */
  readonly service: { isUp: boolean; unmanaged: string[]; clockAheadMs: number };
  /** Starts an authorizer, on the same port as before; the one before must have been stopped. */
  readonly start: () => Promise<RunningAuthorizer>;
}

export interface RunningAuthorizer extends AsyncDisposable {
  readonly authorizer: Authorizer;
  /** A client of the webhook, as the API server unless another identity, or none, is given. */
  readonly client: (identity?: TlsIdentity | 'none') => LabClient;
  /** What the webhook says of a request by a node that shows the certificate with this fingerprint. */
  readonly ask: (node: string, fingerprint?: string) => Promise<string>;
  /** The page of the observer. */
  readonly page: (path: string) => Promise<{ status: number; text: string }>;
  /** Resolves when the authorizer has the source's newest change. */
  readonly caughtUp: () => Promise<void>;
}

export async function authorizerLab(
  options: { now?: Clock; maxAgeMs?: number; source?: MemorySnapshotSource; longestPauseMs?: number } = {},
): Promise<AuthorizerLab> {
  const { now = systemClock, maxAgeMs = 86_400_000, source = new MemorySnapshotSource(), longestPauseMs = 5 } = options;
  const folder = mkdtempSync(join(tmpdir(), 'muster-authorizer-'));
  const keys = labSnapshotKeys();
  const ca = await labNodeCa({ now: systemClock() });
  const server = await labServerIdentity(ca.management);
  const apiServer = await labAdministrator(ca.management, { name: 'kube-apiserver', role: 'viewer' });
  const caPem = certificatePem(ca.management.certificate);
  const service = { isUp: true, unmanaged: ['cp-1'], clockAheadMs: 0 };
  const serviceNow = (): Date => new Date(now().getTime() + service.clockAheadMs);
  const pause = async (ms: number, stop?: AbortSignal): Promise<void> =>
    sleep(Math.min(ms, longestPauseMs), undefined, stop === undefined ? {} : { signal: stop }).catch(() => undefined);
  const fetchStatement = async (after: number | undefined): Promise<Uint8Array> => {
    if (!service.isUp) throw new Error('connect ECONNREFUSED');
    const feed = snapshotFeed({ source, key: keys.privateKey, unmanaged: service.unmanaged, now: serviceNow, pause });
    return after === undefined ? feed.whole() : feed.after(after, 1_000);
  };
  // The second authorizer listens where the first one did: what called that one calls this one.
  let port = 0;
  const start = async (): Promise<RunningAuthorizer> => {
    const authorizer = await startAuthorizer({
      knowledge: { stateDirectory: folder, snapshotKey: keys.publicKey, maxAgeMs, allowNodeCsr: false },
      listener: {
        host: '127.0.0.1',
        port,
        certificate: server.certificatePem,
        key: server.keyPem,
        clientCa: caPem,
        clientName: 'kube-apiserver',
      },
      observer: { host: '127.0.0.1', port: 0 },
      fetchStatement,
      identityNotAfter: () => new Date(now().getTime() + 3_600_000),
      pause,
      now,
      random: systemRandom,
      log: silentLog,
    });
    port = authorizer.webhook.port;
    return runningAuthorizer(authorizer, { caPem, apiServer, source });
  };
  return {
    source,
    folder,
    snapshotFile: join(folder, 'snapshot'),
    ca,
    caPem,
    apiServer,
    service,
    start,
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

function runningAuthorizer(
  authorizer: Authorizer,
  { caPem, apiServer, source }: Pick<AuthorizerLab, 'caPem' | 'apiServer' | 'source'>,
): RunningAuthorizer {
  const clients: LabClient[] = [];
  const client = (identity: TlsIdentity | 'none' = apiServer): LabClient => {
    const made = labClient({
      ...authorizer.webhook,
      ca: caPem,
      identity: identity === 'none' ? undefined : identity,
    });
    clients.push(made);
    return made;
  };
  const asApiServer = client();
  return {
    authorizer,
    client,
    ask: async (node, fingerprint) =>
      readDecision(await asApiServer.send({ method: 'POST', path: WEBHOOK, body: nodeReview(node, fingerprint) })),
    page: async (path) => {
      const { host, port } = authorizer.observer;
      const response = await fetch(`http://${host}:${port}${path}`);
      return { status: response.status, text: await response.text() };
    },
    caughtUp: async () => {
      while ((authorizer.knowledge.snapshot?.change ?? -1) < (await source.currentChange())) await sleep(2);
    },
    [Symbol.asyncDispose]: async () => {
      for (const made of clients) made[Symbol.dispose]();
      await authorizer[Symbol.asyncDispose]();
    },
  };
}

/** As the API server calls it. */
export const WEBHOOK = '/v1/authorize?timeout=3s';

/** A review of a node's look at itself. */
export const nodeReview = (node: string, fingerprint?: string): object => ({
  apiVersion: 'authorization.k8s.io/v1',
  kind: 'SubjectAccessReview',
  metadata: { creationTimestamp: null },
  spec: {
    resourceAttributes: { verb: 'get', version: 'v1', resource: 'nodes', name: node },
    user: `system:node:${node}`,
    groups: ['system:nodes', 'system:authenticated'],
    extra:
      fingerprint === undefined ? {} : { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${fingerprint}`] },
  },
  status: { allowed: false },
});

/** `no-opinion`, or the reason of a denial; whatever else is there is given back as it is. */
export function readDecision({ status, text, json }: LabResponse): string {
  if (status !== 200) return String(status);
  const answer = json as {
    apiVersion: string;
    kind: string;
    status: { allowed: boolean; denied?: boolean; reason?: string };
  };
  if (answer.apiVersion !== 'authorization.k8s.io/v1' || answer.kind !== 'SubjectAccessReview') return text;
  const { allowed, denied, reason } = answer.status;
  if (allowed) return text;
  return denied === true ? (reason ?? 'denied').replace('muster: ', '') : 'no-opinion';
}
