import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';

import { printKubernetesConfig } from '#services/commands/kubernetes-config.ts';
import { parseMinorVersion } from '#services/kubernetes/cluster-config.ts';
import { labFingerprint } from '#test/lab/kubernetes-snapshot.ts';
import { recorder } from '#test/services/commands/recorder.ts';

const OPTIONS = { url: 'https://127.0.0.1:7445/v1/authorize', directory: '/etc/kubernetes/muster' };

const documentSchema = z.looseObject({ apiVersion: z.string(), kind: z.string() });
const webhookSchema = z.looseObject({
  authorizers: z.tuple([
    z.strictObject({ type: z.literal('Webhook'), name: z.string(), webhook: z.looseObject({}) }),
    z.strictObject({ type: z.literal('Node'), name: z.string() }),
    z.strictObject({ type: z.literal('RBAC'), name: z.string() }),
  ]),
});

function printed(options: object) {
  const person = recorder('/');
  printKubernetesConfig({ ...OPTIONS, ...options }, person);
  const documents = parseAllDocuments(person.said.out).map((document) => documentSchema.parse(document.toJS()));
  const [authorization, kubeconfig] = documents;
  if (authorization === undefined || kubeconfig === undefined) throw new Error('two documents');
  const { webhook } = webhookSchema.parse(authorization).authorizers[0];
  return { authorization, kubeconfig, webhook, text: person.said.out };
}

describe('muster kubernetes config', () => {
  test.each([
    ['1.30', 'apiserver.config.k8s.io/v1beta1', undefined],
    ['1.31.4', 'apiserver.config.k8s.io/v1beta1', undefined],
    ['1.32', 'apiserver.config.k8s.io/v1', undefined],
    ['v1.33.1', 'apiserver.config.k8s.io/v1', undefined],
    ['1.34', 'apiserver.config.k8s.io/v1', false],
    ['1.37', 'apiserver.config.k8s.io/v1', false],
  ])('for %s writes %s, and caching turned off: %s', (version, apiVersion, uncached) => {
    const { authorization, webhook } = printed({ version });
    expect(authorization).toMatchObject({ apiVersion, kind: 'AuthorizationConfiguration' });
    expect(webhook['cacheUnauthorizedRequests']).toBe(uncached);
    expect(webhook).toMatchObject({
      unauthorizedTTL: '5s',
      timeout: '3s',
      failurePolicy: 'Deny',
      subjectAccessReviewVersion: 'v1',
      matchConditionSubjectAccessReviewVersion: 'v1',
      connectionInfo: { type: 'KubeConfigFile', kubeConfigFile: '/etc/kubernetes/muster/authorizer.kubeconfig' },
    });
  });

  test('warns where the API server does not say which certificate was shown', () => {
    expect(printed({ version: '1.31' }).text).toContain('before 1.32 does not say which certificate');
    expect(printed({ version: '1.32' }).text).not.toContain('before 1.32');
  });

  test('points the kubeconfig at the webhook, with the API server’s own certificate', () => {
    expect(printed({ version: '1.34' }).kubeconfig).toMatchObject({
      kind: 'Config',
      clusters: [
        { cluster: { server: OPTIONS.url, 'certificate-authority': '/etc/kubernetes/muster/webhook-ca.crt' } },
      ],
      users: [{ user: { 'client-certificate': '/etc/kubernetes/muster/apiserver.crt' } }],
    });
  });

  test('has a form that bars without a webhook, by certificate and by node', () => {
    const fingerprint = labFingerprint('stolen');
    const { webhook, kubeconfig } = printed({ version: '1.36', barFingerprint: [fingerprint], barNode: ['worker-7'] });
    const { expression } = z.tuple([z.object({ expression: z.string() })]).parse(webhook['matchConditions'])[0];
    expect(expression).toContain(`id in ['X509SHA256=${fingerprint}']`);
    expect(expression).toContain("request.user in ['system:node:worker-7']");
    expect(webhook['failurePolicy']).toBe('Deny');
    expect(kubeconfig).toMatchObject({ clusters: [{ cluster: { server: 'https://127.0.0.1:1/' } }] });
  });

  test.each([
    ['a version that is too old', { version: '1.29' }],
    ['a version that is none', { version: 'latest' }],
    ['a URL without TLS', { version: '1.34', url: 'http://127.0.0.1' }],
    ['a directory that would be YAML', { version: '1.34', directory: '/etc/"\nkind: x' }],
    ['a fingerprint that is none', { version: '1.34', barFingerprint: ["'] || true || ['"] }],
    ['a node name that is none', { version: '1.34', barNode: ["x'"] }],
  ])('refuses %s', (_, change) => {
    expect(() => printed(change)).toThrow(expect.objectContaining({ exitCode: 64 }));
  });

  test('reads versions as people write them', () => {
    expect(['1.34', 'v1.34.2', '1.29', '2.34', '1.034', '1.34-rc.1', ''].map(parseMinorVersion)).toEqual([
      34,
      34,
      ...Array.from({ length: 5 }, () => undefined),
    ]);
  });
});

describe('the node controller’s rights', () => {
  const rules = (options: object) => {
    const person = recorder('/');
    printKubernetesConfig({ ...OPTIONS, version: '1.36', ...options }, person);
    const roles = z.looseObject({
      kind: z.string(),
      rules: z.array(z.record(z.string(), z.array(z.string()))).optional(),
    });
    return parseAllDocuments(person.said.out)
      .map((document) => roles.parse(document.toJS()))
      .flatMap((document) => document.rules ?? [])
      .map(({ resources, verbs }) => `${resources?.join()}: ${verbs?.join()}`);
  };
  const LEASES = 'leases: list,watch';

  test.each<[object, string[]]>([
    [{}, ['nodes: get,list,watch,patch', 'pods: list,delete', LEASES]],
    [{ podDeletion: false }, ['nodes: get,list,watch,patch', LEASES]],
    [{ podDeletion: false, nodeDeletion: true }, ['nodes: get,list,watch,patch,delete', 'pods: list,delete', LEASES]],
    [{ nodeCreation: true }, ['nodes: get,list,watch,patch,create', 'pods: list,delete', LEASES]],
    [{ version: '1.30' }, ['nodes: get,list,watch,patch', 'pods: list,delete', LEASES]],
    [{ barNode: ['worker-7'] }, []],
  ])('with %j', (options, expected) => {
    expect(rules(options)).toEqual(expected);
  });
});
