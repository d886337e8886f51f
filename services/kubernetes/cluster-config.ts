/** Where the API server finds the webhook, and what it shows it. Paths are those on the control-plane host. */
export interface ClusterConfigPlan {
  /** Minor version of Kubernetes 1. */
  readonly minor: number;
  readonly webhookUrl: string;
  /** Where the kubeconfig and its certificates will be. */
  readonly directory: string;
}

/** Kubernetes versions that the printed files are for: structured authorization configuration is on by default from 1.30. */
export const OLDEST_MINOR = 30;
/** `apiserver.config.k8s.io/v1`; before it v1beta1. */
const V1_FROM = 32;
/** The first with `authentication.kubernetes.io/credential-id` for certificates. */
const CREDENTIAL_ID_FROM = 32;
/** An older API server refuses to start over the unknown member. */
const UNCACHED_FROM = 34;

/** The minor version of `text`, "1.34" or "v1.34.2"; undefined for what is none, or is too old. */
export function parseMinorVersion(text: string): number | undefined {
  const minor = /^v?1\.([1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,3}))?$/.exec(text)?.[1];
  return minor === undefined || Number(minor) < OLDEST_MINOR ? undefined : Number(minor);
}

/** Requests of nodes and of tokens bound to nodes: nobody else waits for the webhook, or is cut off when it is down. */
const NODES_ONLY = `request.user.startsWith('system:node:') || 'system:nodes' in request.groups ||
        'authentication.kubernetes.io/node-name' in request.extra || 'authentication.kubernetes.io/node-uid' in request.extra`;

/** The file for `--authorization-config`. Webhook first: of the authorizers the first that decides counts. */
export function renderAuthorizationConfiguration(plan: ClusterConfigPlan): string {
  return `${warning(plan)}${header(plan)}
- type: Webhook
  name: muster
  webhook:
    # We never allow; 0 would be the API server's default of five minutes.
    authorizedTTL: 30s
${caching(plan)}
    timeout: 3s
    subjectAccessReviewVersion: v1
    matchConditionSubjectAccessReviewVersion: v1
    failurePolicy: Deny
    connectionInfo:
      type: KubeConfigFile
      kubeConfigFile: ${quote(`${plan.directory}/authorizer.kubeconfig`)}
    matchConditions:
    - expression: >-
        ${NODES_ONLY}
- type: Node
  name: node
- type: RBAC
  name: rbac
`;
}

/** The kubeconfig that the webhook's configuration names. */
export function renderWebhookKubeconfig({ webhookUrl, directory }: ClusterConfigPlan): string {
  return `apiVersion: v1
kind: Config
clusters:
- name: muster-authorizer
  cluster:
    server: ${quote(webhookUrl)}
    certificate-authority: ${quote(`${directory}/webhook-ca.crt`)}
users:
- name: kube-apiserver
  user:
    client-certificate: ${quote(`${directory}/apiserver.crt`)}
    client-key: ${quote(`${directory}/apiserver.key`)}
contexts:
- name: muster-authorizer
  context:
    cluster: muster-authorizer
    user: kube-apiserver
current-context: muster-authorizer
`;
}

/**
 * The form without a webhook, for when there is none: requests with these credentials match, are sent to where nothing listens, and are
 * denied; every other request skips it. It bars what it names and knows nothing else.
 */
export function renderBreakGlass(
  plan: ClusterConfigPlan,
  barred: { readonly fingerprints: readonly string[]; readonly nodeNames: readonly string[] },
): string {
  const list = (values: readonly string[]): string => `[${values.map((value) => `'${value}'`).join(', ')}]`;
  const conditions = [
    ...(barred.fingerprints.length === 0
      ? []
      : [
          `('authentication.kubernetes.io/credential-id' in request.extra && request.extra['authentication.kubernetes.io/credential-id'].exists(id, id in ${list(barred.fingerprints.map((fingerprint) => `X509SHA256=${fingerprint}`))}))`,
        ]),
    ...(barred.nodeNames.length === 0
      ? []
      : [
          `request.user in ${list(barred.nodeNames.map((name) => `system:node:${name}`))}`,
          `('authentication.kubernetes.io/node-name' in request.extra && request.extra['authentication.kubernetes.io/node-name'].exists(name, name in ${list(barred.nodeNames)}))`,
        ]),
  ];
  return `# Break-glass: bars exactly what is named below, without an authorizer. Nothing may listen on the address in
# the kubeconfig that it names.
${header(plan)}
- type: Webhook
  name: muster-break-glass
  webhook:
    authorizedTTL: 30s
${caching(plan)}
    timeout: 1s
    subjectAccessReviewVersion: v1
    matchConditionSubjectAccessReviewVersion: v1
    failurePolicy: Deny
    connectionInfo:
      type: KubeConfigFile
      kubeConfigFile: ${quote(`${plan.directory}/break-glass.kubeconfig`)}
    matchConditions:
    - expression: ${quote(conditions.join(' || '))}
- type: Node
  name: node
- type: RBAC
  name: rbac
`;
}

/** The kubeconfig of the break-glass form: an address that refuses connections. */
export const BREAK_GLASS_KUBECONFIG = `apiVersion: v1
kind: Config
clusters:
- name: nothing
  cluster:
    server: "https://127.0.0.1:1/"
users:
- name: nobody
  user: {}
contexts:
- name: nothing
  context:
    cluster: nothing
    user: nobody
current-context: nothing
`;

const header = ({ minor }: ClusterConfigPlan): string =>
  `apiVersion: apiserver.config.k8s.io/${minor >= V1_FROM ? 'v1' : 'v1beta1'}
kind: AuthorizationConfiguration
authorizers:`;

const caching = ({ minor }: ClusterConfigPlan): string =>
  minor >= UNCACHED_FROM
    ? `    # 0 would be the default of 30 s; it is not looked at while nothing is cached.
    unauthorizedTTL: 5s
    cacheUnauthorizedRequests: false`
    : `    # "No opinion" is cached too, so this is how long a barred node still passes. 0 would be the default of 30 s.
    unauthorizedTTL: 5s`;

const warning = ({ minor }: ClusterConfigPlan): string =>
  minor >= CREDENTIAL_ID_FROM
    ? ''
    : `# Kubernetes before 1.32 does not say which certificate authenticated a request: an authorizer denies every managed
# node of such a cluster. Use it from 1.32 on; until then only the break-glass form by node name bars anything.
`;

/** A JSON string is a YAML string, whatever is in it. */
const quote = (text: string): string => JSON.stringify(text);
