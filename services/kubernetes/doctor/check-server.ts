import { z } from 'zod';

import type { Finding } from './finding.ts';

const AUTHORIZER = 'docs/operations/authorizer.md';

/** What the API server's version does not do. `gitVersion` as it says itself. */
export function checkVersion(minor: number): readonly Finding[] {
  const where = `version 1.${minor}`;
  if (minor < 32) {
    return [
      {
        code: 'version-without-credential-id',
        severity: 'high',
        where,
        what: 'the API server does not say which certificate authenticated a request',
        why: 'The authorizer cannot tell a node’s certificate from another one of its name, and denies every managed node.',
        fix: 'upgrade to 1.32 or newer before the authorizer is switched on',
      },
    ];
  }
  if (minor >= 34) return [];
  return [
    {
      code: 'version-caches-no-opinion',
      severity: 'note',
      where,
      what: '“no opinion” is cached for unauthorizedTTL: a barred node passes for as long (cacheUnauthorizedRequests is there from 1.34)',
      why: 'A bar takes effect after the cache, not with the next request.',
      fix: 'keep unauthorizedTTL at 5s, as printed; upgrade to 1.34',
    },
  ];
}

const configurationSchema = z.looseObject({
  kind: z.literal('AuthorizationConfiguration'),
  authorizers: z.array(
    z.looseObject({
      type: z.string(),
      name: z.string().optional(),
      webhook: z
        .looseObject({
          failurePolicy: z.string().optional(),
          unauthorizedTTL: z.string().optional(),
          cacheUnauthorizedRequests: z.boolean().optional(),
          matchConditions: z.array(z.looseObject({ expression: z.string() })).optional(),
        })
        .optional(),
    }),
  ),
});

/** What is wrong with an AuthorizationConfiguration, for a server of this version. Throws z.ZodError on what is none. */
export function checkAuthorizationConfiguration(json: unknown, file: string, minor: number): readonly Finding[] {
  const { authorizers } = configurationSchema.parse(json);
  const finding = (code: string, severity: Finding['severity'], what: string, why: string): Finding => ({
    code,
    severity,
    where: file,
    what,
    why,
    fix: `muster kubernetes config --version 1.${minor}, and ${AUTHORIZER}`,
  });
  const findings: Finding[] = [];
  const [first] = authorizers;
  if (first?.type !== 'Webhook') {
    const why =
      'The first authorizer that allows decides: Node and RBAC let a barred node pass before it is asked about.';
    return [finding('webhook-not-first', 'high', 'the first authorizer is no webhook', why)];
  }
  const { failurePolicy, unauthorizedTTL, cacheUnauthorizedRequests, matchConditions = [] } = first.webhook ?? {};
  if (failurePolicy !== 'Deny') {
    const why = 'Whoever stops the authorizer, or waits until it is down, is a node again.';
    findings.push(finding('webhook-fails-open', 'high', `failurePolicy is ${failurePolicy ?? 'not set'}`, why));
  }
  const missing = ['system:node:', 'system:nodes', 'node-name'].filter(
    (part) => matchConditions.length > 0 && !matchConditions.some(({ expression }) => expression.includes(part)),
  );
  if (missing.length > 0) {
    const what = `the webhook’s matchConditions name no ${missing.join(', ')}`;
    findings.push(finding('webhook-skips-nodes', 'high', what, 'Requests that do not match are not asked about.'));
  }
  const cached = minor >= 34 ? cacheUnauthorizedRequests !== false : seconds(unauthorizedTTL) > 10;
  if (cached) {
    const why = 'A barred node passes until the cache forgets that nobody had an opinion on it.';
    const what =
      minor >= 34
        ? 'cacheUnauthorizedRequests is not false'
        : `unauthorizedTTL is ${unauthorizedTTL ?? 'not set: 30s'}`;
    findings.push(finding('webhook-answers-cached', 'medium', what, why));
  }
  if (authorizers.some(({ type }) => type === 'AlwaysAllow')) {
    findings.push(
      finding('always-allow', 'high', 'AlwaysAllow is among the authorizers', 'Everybody may do everything.'),
    );
  }
  return findings;
}

/** 0 and nothing are the default, thirty seconds; what is no duration of whole seconds or minutes counts as long. */
function seconds(text: string | undefined): number {
  const [, amount, unit] = /^(\d+)(s|m)$/.exec(text ?? '30s') ?? [];
  if (amount === undefined) return Infinity;
  return (Number(amount) || 30) * (unit === 'm' ? 60 : 1);
}

/** What is wrong with the API server's flags, as they stand in `text`: a static pod's manifest, or a command line. */
export function checkServerFlags(text: string, file: string): readonly Finding[] {
  const flags = new Map(
    [...text.matchAll(/--([a-z0-9-]+)[= ]([^\s"']+)/g)].map(([, name = '', value = '']) => [name, value]),
  );
  const list = (name: string): readonly string[] => (flags.get(name) ?? '').split(',');
  const findings: Finding[] = [];
  const add = (flag: string, finding: Omit<Finding, 'where'>): void =>
    void findings.push({ ...finding, where: `${file}: --${flag}` });
  if (!flags.has('authorization-config')) {
    add('authorization-config', {
      code: 'authorizer-not-asked',
      severity: 'high',
      what: 'the API server asks no authorizer of Muster',
      why: 'A barred node, and any other holder of a node’s name, is refused by nobody until its certificate expires.',
      fix: AUTHORIZER,
    });
  }
  if (list('authorization-mode').includes('AlwaysAllow')) {
    const why = 'Everybody may do everything.';
    add('authorization-mode', { code: 'always-allow', severity: 'high', what: 'AlwaysAllow', why, fix: 'Node,RBAC' });
  }
  if (
    !list('enable-admission-plugins').includes('NodeRestriction') ||
    list('disable-admission-plugins').includes('NodeRestriction')
  ) {
    add('enable-admission-plugins', {
      code: 'node-restriction-off',
      severity: 'high',
      what: 'NodeRestriction is not enabled',
      why: 'A node may change other nodes, give itself a rating, and take off the taint that it was contained with.',
      fix: 'add NodeRestriction',
    });
  }
  if (flags.get('enable-bootstrap-token-auth') === 'true') {
    add('enable-bootstrap-token-auth', {
      code: 'bootstrap-tokens-accepted',
      severity: 'note',
      what: 'bootstrap tokens authenticate',
      why: 'Each one that is made is a way to ask for a node’s certificate.',
      fix: 'switch it off where machines join through Muster alone',
    });
  }
  if (flags.get('anonymous-auth') !== 'false') {
    add('anonymous-auth', {
      code: 'anonymous-auth',
      severity: 'note',
      what: 'requests without a credential are let in as system:anonymous',
      why: 'What they may do is for RBAC to say: every later binding of it is open to all.',
      fix: 'restrict it to the health paths (AuthenticationConfiguration, from 1.32), or set false',
    });
  }
  if (list('feature-gates').includes('AllowInsecureKubeletCertificateSigningRequests=true')) {
    add('feature-gates', {
      code: 'node-requests-for-others',
      severity: 'high',
      what: 'nodes may request certificates in other nodes’ names',
      why: 'With automatic approval one node becomes every other.',
      fix: 'take AllowInsecureKubeletCertificateSigningRequests off',
    });
  }
  return findings;
}

/** What is wrong with a KubeletConfiguration. Throws z.ZodError on what is none. */
export function checkKubelet(json: unknown, where: string): readonly Finding[] {
  const { rotateCertificates } = z
    .looseObject({ kind: z.literal('KubeletConfiguration'), rotateCertificates: z.boolean().optional() })
    .parse(json);
  if (rotateCertificates !== true) return [];
  return [
    {
      code: 'kubelet-rotates',
      severity: 'medium',
      where,
      what: 'rotateCertificates: true',
      why: 'The kubelet asks the cluster for its next certificate and puts it in the place of Muster’s; it then outlives every attestation.',
      fix: 'rotateCertificates: false; the agent renews',
    },
  ];
}
