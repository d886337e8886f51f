/** What the node controller is configured to do beside labels, taints and cordons. */
export interface ControllerRights {
  readonly deletePods: boolean;
  readonly deleteNodes: boolean;
  readonly createNodes: boolean;
}

/** The user that the controller's kubeconfig authenticates as. */
export const CONTROLLER_USER = 'muster-node-controller';

/**
 * The controller's roles and their bindings: what it uses, and nothing else. The same for every version from 1.30 on. The authorizer has none:
 * it is asked, and asks nobody in the cluster.
 */
export function renderControllerRbac({ deletePods, deleteNodes, createNodes }: ControllerRights): string {
  const verbs = [
    'get',
    'list',
    'watch',
    'patch',
    ...(createNodes ? ['create'] : []),
    ...(deleteNodes ? ['delete'] : []),
  ];
  // A Node is deleted after its pods.
  const pods = deletePods || deleteNodes ? `- apiGroups: [""]\n  resources: [pods]\n  verbs: [list, delete]\n` : '';
  return `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: ${CONTROLLER_USER}
rules:
- apiGroups: [""]
  resources: [nodes]
  verbs: [${verbs.join(', ')}]
${pods}---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: ${CONTROLLER_USER}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: ${CONTROLLER_USER}
subjects:
- apiGroup: rbac.authorization.k8s.io
  kind: User
  name: ${CONTROLLER_USER}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: ${CONTROLLER_USER}
  namespace: kube-node-lease
rules:
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [list, watch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: ${CONTROLLER_USER}
  namespace: kube-node-lease
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: ${CONTROLLER_USER}
subjects:
- apiGroup: rbac.authorization.k8s.io
  kind: User
  name: ${CONTROLLER_USER}
`;
}
