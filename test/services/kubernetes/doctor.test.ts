import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

import {
  checkAccountTokens,
  checkBootstrapTokens,
  checkClientCas,
  checkSigningRequests,
} from '#services/kubernetes/doctor/check-credentials.ts';
import { checkRbac } from '#services/kubernetes/doctor/check-rbac.ts';
import {
  checkAuthorizationConfiguration,
  checkKubelet,
  checkServerFlags,
  checkVersion,
} from '#services/kubernetes/doctor/check-server.ts';
import { renderAuthorizationConfiguration } from '#services/kubernetes/cluster-config.ts';
import { afterNoon, NOON } from '#test/lab/store-values.ts';

const told = (findings: readonly { readonly code: string; readonly severity: string }[]): string[] =>
  findings.map(({ code, severity }) => `${severity} ${code}`);

describe('roles and bindings', () => {
  const CSR = { apiGroups: ['certificates.k8s.io'], verbs: ['create'] };
  const rules = {
    harmless: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }],
    health: [{ nonResourceURLs: ['/livez'], verbs: ['get'] }],
    'renew-self': [{ ...CSR, resources: ['certificatesigningrequests/selfnodeclient'] }],
    'new-nodes': [{ ...CSR, resources: ['certificatesigningrequests/nodeclient'] }],
    'any-request': [{ ...CSR, resources: ['*'] }],
    request: [{ ...CSR, resources: ['certificatesigningrequests'] }],
    approve: [
      {
        ...CSR,
        resources: ['signers'],
        verbs: ['approve'],
        resourceNames: ['kubernetes.io/kube-apiserver-client-kubelet'],
      },
    ],
    'sign-all': [{ ...CSR, resources: ['signers'], verbs: ['sign'] }],
    'approve-others': [{ ...CSR, resources: ['signers'], verbs: ['approve'], resourceNames: ['example.org/other'] }],
    admin: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }],
  };
  const check = (role: keyof typeof rules | 'nowhere', kind: string, name: string, namespace?: string) =>
    told(
      checkRbac({
        clusterRoles: Object.entries(rules).map(([named, some]) => ({ metadata: { name: named }, rules: some })),
        clusterRoleBindings: [
          {
            metadata: { name: 'b' },
            roleRef: { kind: 'ClusterRole', name: role },
            subjects: [{ kind, name, namespace }],
          },
          { metadata: { name: 'system:node' }, roleRef: { kind: 'ClusterRole', name: 'admin' } },
        ],
        roles: [],
        roleBindings: [],
      }),
    );

  test.each<[keyof typeof rules | 'nowhere', string, string, string[]]>([
    ['harmless', 'Group', 'developers', []],
    ['harmless', 'Group', 'system:nodes', ['medium nodes-group-bound']],
    ['harmless', 'User', 'system:node:n1', ['medium nodes-group-bound']],
    ['renew-self', 'Group', 'system:nodes', ['high csr-auto-approval', 'medium nodes-group-bound']],
    ['renew-self', 'Group', 'developers', ['high csr-auto-approval']],
    ['new-nodes', 'Group', 'system:bootstrappers:kubeadm:default-node-token', ['high csr-auto-approval']],
    ['any-request', 'Group', 'developers', ['high csr-auto-approval']],
    ['request', 'Group', 'system:bootstrappers', ['medium bootstrap-requests']],
    ['request', 'Group', 'developers', []],
    ['approve', 'User', 'approver', ['medium signer-granted']],
    ['sign-all', 'User', 'approver', ['medium signer-granted']],
    ['approve-others', 'User', 'approver', []],
    ['admin', 'Group', 'system:masters', []],
    ['health', 'Group', 'system:unauthenticated', []],
    ['harmless', 'User', 'system:anonymous', ['high anonymous-bound']],
    ['nowhere', 'Group', 'system:unauthenticated', ['high anonymous-bound']],
  ])('%s for %s %s', (role, kind, name, expected) => {
    expect(check(role, kind, name)).toEqual(expected);
  });

  test('the built-in controller signs; an account of its name elsewhere does not', () => {
    expect(check('sign-all', 'ServiceAccount', 'certificate-controller', 'kube-system')).toEqual([]);
    expect(check('sign-all', 'ServiceAccount', 'certificate-controller', 'default')).toEqual(['medium signer-granted']);
  });
});

describe('credentials', () => {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const token = (data: object) => [
    {
      metadata: { name: 'bootstrap-token-abcdef' },
      data: Object.fromEntries(
        Object.entries({ 'usage-bootstrap-authentication': 'true', ...data }).map(([k, v]) => [k, base64(v)]),
      ),
    },
  ];

  test.each<[object, string[]]>([
    [{}, ['high bootstrap-token']],
    [{ expiration: afterNoon(60).toISOString() }, ['medium bootstrap-token']],
    [{ expiration: NOON.toISOString() }, []],
    [{ expiration: 'soon' }, ['medium bootstrap-token']],
    [{ 'usage-bootstrap-authentication': 'false' }, []],
  ])('a bootstrap token with %j', (data, expected) => {
    expect(told(checkBootstrapTokens(token(data), NOON))).toEqual(expected);
  });

  const request = (spec: object, status: object) => [
    {
      metadata: { name: 'csr-1' },
      spec: { signerName: 'kubernetes.io/kube-apiserver-client-kubelet', username: 'system:node:n1', ...spec },
      status,
    },
  ];
  const approved = { conditions: [{ type: 'Approved' }] };
  test.each<[string, object, object, string[]]>([
    ['approved', {}, approved, ['high node-certificate-by-cluster']],
    ['signed', {}, { certificate: 'LS0t' }, ['high node-certificate-by-cluster']],
    ['waiting', {}, {}, []],
    ['denied', {}, { conditions: [{ type: 'Denied' }] }, []],
    ['of another signer', { signerName: 'kubernetes.io/kubelet-serving' }, approved, []],
    ['of an unmanaged node', { username: 'system:node:cp-1' }, approved, []],
  ])('a signing request that is %s', (_, spec, status, expected) => {
    expect(told(checkSigningRequests(request(spec, status), new Set(['cp-1'])))).toEqual(expected);
  });

  test('tokens that never expire, and further client CAs, are told of', () => {
    const pem = '-----BEGIN CERTIFICATE-----\n';
    expect(told(checkAccountTokens([{ metadata: { name: 't', namespace: 'default' } }]))).toEqual([
      'medium unbound-account-token',
    ]);
    expect([told(checkClientCas(pem)), told(checkClientCas(pem + pem))]).toEqual([[], ['note other-client-cas']]);
  });
});

describe('the API server', () => {
  test.each<[number, string[]]>([
    [31, ['high version-without-credential-id']],
    [33, ['note version-caches-no-opinion']],
    [34, []],
  ])('of version 1.%i', (minor, expected) => {
    expect(told(checkVersion(minor))).toEqual(expected);
  });

  const printed = (minor: number) =>
    renderAuthorizationConfiguration({
      minor,
      webhookUrl: 'https://127.0.0.1:7445/v1/authorize',
      directory: '/etc/muster',
    });
  test.each<[string, number, (text: string) => string, string[]]>([
    ['as printed for 1.36', 36, (text) => text, []],
    ['as printed for 1.33', 33, (text) => text, []],
    [
      'that fails open',
      36,
      (text) => text.replace('failurePolicy: Deny', 'failurePolicy: NoOpinion'),
      ['high webhook-fails-open'],
    ],
    [
      'that says nothing of failures',
      36,
      (text) => text.replace('    failurePolicy: Deny\n', ''),
      ['high webhook-fails-open'],
    ],
    [
      'that caches',
      36,
      (text) => text.replace('cacheUnauthorizedRequests: false', 'cacheUnauthorizedRequests: true'),
      ['medium webhook-answers-cached'],
    ],
    [
      'that caches for long',
      33,
      (text) => text.replace('unauthorizedTTL: 5s', 'unauthorizedTTL: 1m'),
      ['medium webhook-answers-cached'],
    ],
    [
      'whose 0 is the default',
      33,
      (text) => text.replace('unauthorizedTTL: 5s', 'unauthorizedTTL: 0s'),
      ['medium webhook-answers-cached'],
    ],
    ['that skips tokens', 36, (text) => text.replaceAll('node-name', 'no-name'), ['high webhook-skips-nodes']],
    [
      'with Node first',
      36,
      (text) => text.replace('authorizers:\n', 'authorizers:\n- type: Node\n  name: first\n'),
      ['high webhook-not-first'],
    ],
    ['that allows always', 36, (text) => `${text}- type: AlwaysAllow\n  name: all\n`, ['high always-allow']],
  ])('with an AuthorizationConfiguration %s', (_, minor, change, expected) => {
    expect(told(checkAuthorizationConfiguration(parse(change(printed(minor))), 'file', minor))).toEqual(expected);
  });

  const FLAGS = '--authorization-config=/a --enable-admission-plugins=NodeRestriction --anonymous-auth=false';
  test.each<[string, string[]]>([
    [FLAGS, []],
    [FLAGS.replace('--authorization-config=/a', '--authorization-mode=Node,RBAC'), ['high authorizer-not-asked']],
    [`${FLAGS} --authorization-mode=AlwaysAllow`, ['high always-allow']],
    [FLAGS.replace('NodeRestriction', 'PodSecurity'), ['high node-restriction-off']],
    [`${FLAGS} --disable-admission-plugins=NodeRestriction`, ['high node-restriction-off']],
    [`${FLAGS} --enable-bootstrap-token-auth=true`, ['note bootstrap-tokens-accepted']],
    [FLAGS.replace('--anonymous-auth=false', ''), ['note anonymous-auth']],
    [
      `${FLAGS} --feature-gates=X=false,AllowInsecureKubeletCertificateSigningRequests=true`,
      ['high node-requests-for-others'],
    ],
  ])('with flags %s', (flags, expected) => {
    const manifest = `command:\n- kube-apiserver\n${flags
      .split(' ')
      .map((flag) => `- ${flag}\n`)
      .join('')}`;
    expect([told(checkServerFlags(flags, 'f')), told(checkServerFlags(manifest, 'f'))]).toEqual([expected, expected]);
  });
});

test.each<[object, string[]]>([
  [{ rotateCertificates: false }, []],
  [{}, []],
  [{ rotateCertificates: true }, ['medium kubelet-rotates']],
])('a kubelet with %j', (config, expected) => {
  expect(told(checkKubelet({ kind: 'KubeletConfiguration', ...config }, 'file'))).toEqual(expected);
});
