import { z } from 'zod';

import { ask, type ClusterClient, ClusterRefusal } from '../cluster/cluster-client.ts';
import { parseList } from '../cluster/cluster-objects.ts';
import { checkAccountTokens, checkBootstrapTokens, checkClientCas, checkSigningRequests } from './check-credentials.ts';
import { checkRbac } from './check-rbac.ts';
import { checkAuthorizationConfiguration, checkKubelet, checkServerFlags, checkVersion } from './check-server.ts';
import { type DoctorReport, type Finding, SEVERITIES, type Unchecked } from './finding.ts';

/** A file that somebody gave, parsed where it is a document. */
export interface Given<T> {
  readonly file: string;
  readonly content: T;
}

export interface ExamineDeps {
  readonly client: ClusterClient;
  readonly now: Date;
  /** Nodes that Muster does not manage. */
  readonly unmanaged: ReadonlySet<string>;
  readonly authorization: Given<unknown> | undefined;
  readonly manifest: Given<string> | undefined;
  readonly kubelets: readonly Given<unknown>[];
  /** Reads YAML. Throws on what is none. */
  readonly parseYaml: (text: string) => unknown;
  readonly stop: AbortSignal;
}

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const SECRETS = '/api/v1/secrets?fieldSelector=type%3Dkubernetes.io%2Fservice-account-token';
const TOKENS = '/api/v1/namespaces/kube-system/secrets?fieldSelector=type%3Dbootstrap.kubernetes.io%2Ftoken';
const PAGE = 500;
/** A server that does not say its version is taken for one of which the most can be asked. */
const UNKNOWN_IS = 34;

/** Looks at everything that may be read and was given; the gravest finding first. Rejects when the API server does not answer. */
export async function examine(deps: ExamineDeps): Promise<DoctorReport> {
  const { client, now, unmanaged, authorization, manifest, kubelets, stop } = deps;
  const findings: Finding[] = [];
  const unchecked: Unchecked[] = [];
  const look = async (what: string, work: () => Promise<readonly Finding[]>): Promise<void> => {
    try {
      findings.push(...(await work()));
    } catch (error) {
      if (error instanceof ClusterRefusal) unchecked.push({ what, why: error.message });
      else if (error instanceof z.ZodError) unchecked.push({ what, why: 'it has another form than expected' });
      else throw error;
    }
  };
  const all = (path: string): Promise<readonly unknown[]> => listAll(client, path, stop);
  const minor = await versionOf(client, stop);
  if (minor === undefined) unchecked.push({ what: 'version', why: 'the API server does not say which it is' });
  else await look('version', () => Promise.resolve(checkVersion(minor)));
  await look('roles and bindings', async () =>
    checkRbac({
      clusterRoles: await all(`${RBAC}/clusterroles`),
      clusterRoleBindings: await all(`${RBAC}/clusterrolebindings`),
      roles: await all(`${RBAC}/roles`),
      roleBindings: await all(`${RBAC}/rolebindings`),
    }),
  );
  await look('bootstrap tokens', async () => checkBootstrapTokens(await all(TOKENS), now));
  await look('signing requests', async () =>
    checkSigningRequests(await all('/apis/certificates.k8s.io/v1/certificatesigningrequests'), unmanaged),
  );
  await look('tokens of service accounts', async () => checkAccountTokens(await all(SECRETS)));
  await look('client CA bundle', async () =>
    checkClientCas((await configMap(client, 'extension-apiserver-authentication', stop))?.['client-ca-file'] ?? ''),
  );
  await look('kubelet configuration of kubeadm', async () => {
    const text = (await configMap(client, 'kubelet-config', stop))?.['kubelet'];
    return text === undefined ? [] : checkKubelet(deps.parseYaml(text), 'ConfigMap/kube-system/kubelet-config');
  });
  if (authorization === undefined)
    unchecked.push({ what: 'order of authorizers', why: 'no --authorization-config was given' });
  else
    await look(authorization.file, () =>
      Promise.resolve(checkAuthorizationConfiguration(authorization.content, authorization.file, minor ?? UNKNOWN_IS)),
    );
  if (manifest === undefined)
    unchecked.push({ what: 'flags of the API server', why: 'no --apiserver-manifest was given' });
  else await look(manifest.file, () => Promise.resolve(checkServerFlags(manifest.content, manifest.file)));
  if (kubelets.length === 0) unchecked.push({ what: 'kubelets’ own files', why: 'no --kubelet-config was given' });
  for (const { file, content } of kubelets) await look(file, () => Promise.resolve(checkKubelet(content, file)));
  const rank = ({ severity }: Finding): number => SEVERITIES.indexOf(severity);
  return { findings: findings.toSorted((a, b) => rank(a) - rank(b)), unchecked };
}

async function versionOf(client: ClusterClient, stop: AbortSignal): Promise<number | undefined> {
  const json = await ask(client, { method: 'GET', path: '/version' }, stop);
  const { gitVersion } = z.looseObject({ gitVersion: z.string() }).parse(json);
  const [, minor] = /^v1\.([1-9]\d{0,2})\./.exec(gitVersion) ?? [];
  return minor === undefined ? undefined : Number(minor);
}

async function listAll(client: ClusterClient, path: string, stop: AbortSignal): Promise<readonly unknown[]> {
  const items: unknown[] = [];
  let next: string | undefined;
  do {
    const query = new URLSearchParams({ limit: String(PAGE), ...(next === undefined ? {} : { continue: next }) });
    const page = parseList(
      await ask(client, { method: 'GET', path: `${path}${path.includes('?') ? '&' : '?'}${query.toString()}` }, stop),
    );
    items.push(...page.items);
    next = page.next;
  } while (next !== undefined);
  return items;
}

/** Undefined where there is none. */
async function configMap(
  client: ClusterClient,
  name: string,
  stop: AbortSignal,
): Promise<Readonly<Record<string, string>> | undefined> {
  const request = { method: 'GET', path: `/api/v1/namespaces/kube-system/configmaps/${name}` } as const;
  const { status, json } = await client.send(request, stop);
  if (status === 404) return undefined;
  if (status !== 200) throw new ClusterRefusal(request, status);
  return z.looseObject({ data: z.record(z.string(), z.string()).optional() }).parse(json).data ?? {};
}
