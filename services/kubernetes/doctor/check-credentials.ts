import { z } from 'zod';

import type { Finding } from './finding.ts';

const metadata = z.looseObject({ name: z.string(), namespace: z.string().optional() });
const secretSchema = z.looseObject({ metadata, data: z.record(z.string(), z.string()).nullish() });

/** Bootstrap tokens that still authenticate at `now`. Throws z.ZodError on what are no Secrets. */
export function checkBootstrapTokens(secrets: readonly unknown[], now: Date): readonly Finding[] {
  return secrets.flatMap((json) => {
    const { metadata: named, data } = secretSchema.parse(json);
    const value = (name: string): string => Buffer.from(data?.[name] ?? '', 'base64').toString('utf8');
    if (value('usage-bootstrap-authentication') !== 'true') return [];
    const expires = value('expiration');
    if (expires !== '' && new Date(expires) <= now) return [];
    const groups = [
      'system:bootstrappers',
      ...value('auth-extra-groups')
        .split(',')
        .filter((group) => group !== ''),
    ];
    return [
      {
        code: 'bootstrap-token',
        severity: expires === '' ? ('high' as const) : ('medium' as const),
        where: `Secret/kube-system/${named.name}`,
        what: `a bootstrap token authenticates as ${groups.join(', ')}, ${expires === '' ? 'for ever' : `until ${expires}`}`,
        why: 'It is a bearer secret: whoever reads it on a disk, an image or a command line asks for a node’s certificate.',
        fix: `kubectl -n kube-system delete secret ${named.name}`,
      },
    ];
  });
}

const requestSchema = z.looseObject({
  metadata,
  spec: z.looseObject({ signerName: z.string(), username: z.string().optional() }),
  status: z
    .looseObject({
      certificate: z.string().nullish(),
      conditions: z.array(z.looseObject({ type: z.string() })).nullish(),
    })
    .prefault({}),
});

const KUBELET_SIGNER = 'kubernetes.io/kube-apiserver-client-kubelet';

/** Requests for kubelet client certificates that the cluster approved or signed itself. Throws z.ZodError on what are none. */
export function checkSigningRequests(requests: readonly unknown[], unmanaged: ReadonlySet<string>): readonly Finding[] {
  return requests.flatMap((json) => {
    const { metadata: named, spec, status } = requestSchema.parse(json);
    const approved = (status.conditions ?? []).some(({ type }) => type === 'Approved');
    if (spec.signerName !== KUBELET_SIGNER || (!approved && (status.certificate ?? '') === '')) return [];
    const requester = spec.username ?? 'somebody';
    if (unmanaged.has(requester.replace(/^system:node:/, ''))) return [];
    return [
      {
        code: 'node-certificate-by-cluster',
        severity: 'high' as const,
        where: `CertificateSigningRequest/${named.name}`,
        what: `the cluster’s own CA gave ${requester} a kubelet client certificate`,
        why: 'It is good for up to a year and nothing was attested for it. The authorizer’s list denies it; other verifiers do not.',
        fix: 'find out how it was approved; the certificate ends with its time, or when its CA leaves the client CA bundle',
      },
    ];
  });
}

/** Tokens of service accounts that are bound to no pod and no node, and never expire. Throws z.ZodError on what are no Secrets. */
export function checkAccountTokens(secrets: readonly unknown[]): readonly Finding[] {
  return secrets.map((json) => {
    const { name, namespace = '' } = secretSchema.parse(json).metadata;
    return {
      code: 'unbound-account-token',
      severity: 'medium' as const,
      where: `Secret/${namespace}/${name}`,
      what: 'a service account’s token that never expires and is bound to no node',
      why: 'A node that ever mounted it can use it from anywhere after it was barred: only tokens that name their node are refused with it.',
      fix: `use bound tokens (TokenRequest), then kubectl -n ${namespace} delete secret ${name}`,
    };
  });
}

/** Authorities in the client CA bundle. `pem` is what the API server publishes of it. */
export function checkClientCas(pem: string): readonly Finding[] {
  const count = pem.split('-----BEGIN CERTIFICATE-----').length - 1;
  if (count <= 1) return [];
  return [
    {
      code: 'other-client-cas',
      severity: 'note',
      where: 'ConfigMap/kube-system/extension-apiserver-authentication',
      what: `${count} certificates in the client CA bundle: each of their keys can make any user, a node too`,
      why: 'Kubernetes cannot restrict a client CA to some users. The authorizer’s list denies nodes that Muster did not certify, and nobody else.',
      fix: 'keep those keys offline, or out of kube-controller-manager (--cluster-signing-*); audit with credential-id',
    },
  ];
}
