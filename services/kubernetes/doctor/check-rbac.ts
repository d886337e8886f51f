import { z } from 'zod';

import type { Finding } from './finding.ts';

const ruleSchema = z.looseObject({
  verbs: z.array(z.string()).nullish(),
  apiGroups: z.array(z.string()).nullish(),
  resources: z.array(z.string()).nullish(),
  resourceNames: z.array(z.string()).nullish(),
});
type Rule = z.output<typeof ruleSchema>;

const roleSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
  rules: z.array(ruleSchema).nullish(),
});
const bindingSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
  roleRef: z.looseObject({ kind: z.string(), name: z.string() }),
  subjects: z.array(z.looseObject({ kind: z.string(), name: z.string(), namespace: z.string().optional() })).nullish(),
});

/** What the API server lists of each kind. */
export interface RbacObjects {
  readonly clusterRoles: readonly unknown[];
  readonly clusterRoleBindings: readonly unknown[];
  readonly roles: readonly unknown[];
  readonly roleBindings: readonly unknown[];
}

interface Grant {
  readonly where: string;
  readonly subject: string;
  readonly role: string;
  readonly rules: readonly Rule[];
}

const CSR_GROUP = 'certificates.k8s.io';
const KUBELET_SIGNER = 'kubernetes.io/kube-apiserver-client-kubelet';
/** The controller whose built-in role signs and approves; whether it does so for nodes depends on the other grants. */
const CERTIFICATE_CONTROLLER = 'ServiceAccount kube-system/certificate-controller';
const MASTERS = 'Group system:masters';

/** Ways in that role bindings open. Throws z.ZodError on objects that are no roles and bindings. */
export function checkRbac(objects: RbacObjects): readonly Finding[] {
  return grantsOf(objects).flatMap((grant) => checks.flatMap((check) => check(grant) ?? []));
}

const checks: readonly ((grant: Grant) => Finding | undefined)[] = [
  (grant) => {
    if (grant.subject === MASTERS || !['nodeclient', 'selfnodeclient'].some((kind) => creates(grant.rules, kind)))
      return undefined;
    return {
      ...place(grant, 'csr-auto-approval', 'high'),
      what: `${grant.subject} has its requests for kubelet client certificates approved without anybody looking (${grant.role})`,
      why: 'The cluster signs them with its own CA, for up to a year, for whoever holds a node’s key or a bootstrap token. Nothing is attested.',
      fix: `kubectl delete ${kindOf(grant)} ${nameOf(grant)}`,
    };
  },
  (grant) => {
    if (!isNodes(grant.subject)) return undefined;
    return {
      ...place(grant, 'nodes-group-bound', 'medium'),
      what: `${grant.subject} has rights by RBAC beside those of the Node authorizer (${grant.role})`,
      why: 'The Node authorizer gives a kubelet what concerns its own node. What RBAC gives to the group, every node has for all.',
      fix: `take ${grant.subject} off ${nameOf(grant)}, once nothing needs it`,
    };
  },
  (grant) => {
    if (!/^(?:User system:anonymous|Group system:unauthenticated)$/.test(grant.subject)) return undefined;
    if (readsPathsOnly(grant) || isClusterInfo(grant)) return undefined;
    return {
      ...place(grant, 'anonymous-bound', 'high'),
      what: `${grant.subject} has rights (${grant.role})`,
      why: 'Whoever reaches the API server has them, with no credential that could be revoked.',
      fix: `kubectl delete ${kindOf(grant)} ${nameOf(grant)}`,
    };
  },
  (grant) => {
    if (!/^Group system:bootstrappers(?::|$)/.test(grant.subject) || !creates(grant.rules, undefined)) return undefined;
    return {
      ...place(grant, 'bootstrap-requests', 'medium'),
      what: `${grant.subject} may request certificates (${grant.role})`,
      why: 'A bootstrap token is a bearer secret: whoever has it asks to become a node under any name.',
      fix: `kubectl delete ${kindOf(grant)} ${nameOf(grant)}; machines join through Muster`,
    };
  },
  (grant) => {
    if ([MASTERS, CERTIFICATE_CONTROLLER].includes(grant.subject)) return undefined;
    const verb = ['approve', 'sign'].find((one) => grant.rules.some((rule) => allowsSigner(rule, one)));
    if (verb === undefined) return undefined;
    return {
      ...place(grant, 'signer-granted', 'medium'),
      what: `${grant.subject} may ${verb} kubelet client certificates (${grant.role})`,
      why: 'It makes nodes that Muster has not seen. The authorizer’s list denies them; without it they are in.',
      fix: `restrict the signers of ${grant.role} to others than ${KUBELET_SIGNER}`,
    };
  },
];

function grantsOf({ clusterRoles, clusterRoleBindings, roles, roleBindings }: RbacObjects): readonly Grant[] {
  const rules = new Map<string, readonly Rule[]>();
  for (const role of [...clusterRoles, ...roles].map((json) => roleSchema.parse(json))) {
    const { name, namespace } = role.metadata;
    rules.set(namespace === undefined ? `ClusterRole/${name}` : `Role/${namespace}/${name}`, role.rules ?? []);
  }
  return [...clusterRoleBindings, ...roleBindings].flatMap((json) => {
    const { metadata, roleRef, subjects } = bindingSchema.parse(json);
    const { name, namespace } = metadata;
    const where = namespace === undefined ? `ClusterRoleBinding/${name}` : `RoleBinding/${namespace}/${name}`;
    const role = roleRef.kind === 'Role' ? `Role/${namespace ?? ''}/${roleRef.name}` : `ClusterRole/${roleRef.name}`;
    return (subjects ?? []).map((subject) => ({
      where,
      role,
      rules: rules.get(role) ?? [],
      subject: `${subject.kind} ${subject.namespace === undefined ? '' : `${subject.namespace}/`}${subject.name}`,
    }));
  });
}

const has = (list: readonly string[] | null | undefined, ...wanted: readonly string[]): boolean =>
  (list ?? []).some((one) => one === '*' || wanted.includes(one));

/** Creates CertificateSigningRequests, or is taken to for the subresource that the approving controller asks about. */
const creates = (rules: readonly Rule[], subresource: string | undefined): boolean =>
  rules.some(({ verbs, apiGroups, resources }) => {
    const resource = `certificatesigningrequests${subresource === undefined ? '' : `/${subresource}`}`;
    return has(verbs, 'create') && has(apiGroups, CSR_GROUP) && has(resources, resource, `*/${subresource ?? ''}`);
  });

const allowsSigner = ({ verbs, apiGroups, resources, resourceNames }: Rule, verb: string): boolean =>
  has(verbs, verb) &&
  has(apiGroups, CSR_GROUP) &&
  has(resources, 'signers') &&
  ((resourceNames ?? []).length === 0 || has(resourceNames, KUBELET_SIGNER, 'kubernetes.io/*'));

const isNodes = (subject: string): boolean =>
  subject === 'Group system:nodes' || subject.startsWith('User system:node:');

/** Health and version, as RBAC gives them to everybody at the first start of every cluster. */
const readsPathsOnly = ({ rules }: Grant): boolean =>
  rules.length > 0 &&
  rules.every(
    ({ resources, verbs }) => (resources ?? []).length === 0 && (verbs ?? []).every((verb) => verb === 'get'),
  );

/** kubeadm publishes the cluster's address and CA so; there is nothing else in it. */
const isClusterInfo = ({ where }: Grant): boolean =>
  where === 'RoleBinding/kube-public/kubeadm:bootstrap-signer-clusterinfo';

const place = ({ where }: Grant, code: string, severity: Finding['severity']) => ({ code, severity, where });
const kindOf = ({ where }: Grant): string => (where.split('/', 1)[0] ?? '').toLowerCase();
function nameOf({ where }: Grant): string {
  const [, first = '', second] = where.split('/');
  return second === undefined ? first : `-n ${first} ${second}`;
}
