import { describe, expect, test } from 'vitest';

import { auditSchema, withAbsoluteAuditPaths } from '#services/config/audit-config.ts';
import { describeIssue } from '#services/config/strict-document.ts';

const SYSLOG = { name: 'siem', kind: 'syslog', host: 'siem.lab.example', ca: 'siem-ca.pem' };
const HTTPS = { name: 'hook', kind: 'https', url: 'https://hook.lab.example/audit?v=1', ca: 'hook-ca.pem' };
const FILE = { name: 'file', kind: 'file', path: 'log/audit.ndjson' };

function problems(...destinations: readonly object[]): readonly string[] {
  const parsed = auditSchema.safeParse({ export: destinations });
  return parsed.success ? [] : parsed.error.issues.flatMap(describeIssue);
}

describe('the destinations of the audit log', () => {
  test('are none unless the configuration names some', () => {
    expect(auditSchema.parse(undefined)).toEqual({ export: [] });
  });

  test('have the settings that receivers usually want', () => {
    expect(auditSchema.parse({ export: [SYSLOG, HTTPS, FILE] }).export).toEqual([
      {
        ...SYSLOG,
        port: 6_514,
        facility: 'audit',
        enterpriseNumber: 32_473,
        maxMessageBytes: 65_536,
        confirmation: 'close-notify',
        timeoutSeconds: 30,
      },
      { ...HTTPS, format: 'json-array', timeoutSeconds: 30 },
      FILE,
    ]);
  });

  test.each<[string, object, string | undefined]>([
    ['as it should be', {}, undefined],
    ['without a CA', { ca: undefined }, 'export.0.ca: Invalid input: expected string, received undefined'],
    ['with a member that there is not', { insecure: true }, 'export.0.insecure: unknown member'],
    ['with a certificate and no key', { certificate: 'c.pem' }, 'export.0.key: `certificate` and `key` go together'],
    ['with a key and no certificate', { key: 'k.pem' }, 'export.0.key: `certificate` and `key` go together'],
    ['of another kind', { kind: 'kafka' }, 'export.0.kind: Invalid discriminator'],
    ['on no port', { port: 0 }, 'export.0.port: Too small: expected number to be >=1'],
    ['of a facility that there is not', { facility: 'kern' }, 'export.0.facility: Invalid option'],
    ['of enterprise 0', { enterpriseNumber: 0 }, 'export.0.enterpriseNumber: Too small'],
    ['for messages shorter than RFC 5425 has receivers take', { maxMessageBytes: 2_047 }, 'export.0.maxMessageBytes'],
    ['with a name for people', { name: 'The SIEM' }, 'export.0.name: lower-case letters, digits and hyphens'],
  ])('are refused or taken: a syslog receiver %s', (_, change, problem) => {
    const found = problems({ ...SYSLOG, ...change });
    expect(found.length).toBe(problem === undefined ? 0 : 1);
    expect(found.join()).toContain(problem ?? '');
  });

  test.each<[string, object, string | undefined]>([
    ['as it should be', {}, undefined],
    ['over plain HTTP', { url: 'http://hook.lab.example/' }, 'export.0.url: Invalid URL'],
    ['with a password in its URL', { url: 'https://a:b@hook.lab.example/' }, 'export.0.url: no user name'],
    ['with a fragment in its URL', { url: 'https://hook.lab.example/#x' }, 'export.0.url: no user name'],
    ['with a token in the file itself', { bearerToken: 'x' }, 'export.0.bearerToken: unknown member'],
    ['without a CA', { ca: undefined }, 'export.0.ca'],
  ])('are refused or taken: a webhook %s', (_, change, problem) => {
    const found = problems({ ...HTTPS, ...change });
    expect(found.length).toBe(problem === undefined ? 0 : 1);
    expect(found.join()).toContain(problem ?? '');
  });

  test('have names of their own: the service remembers its place by them', () => {
    expect(problems(SYSLOG, { ...HTTPS, name: 'siem' })).toEqual(['export.1.name: another destination has this name']);
  });

  test('are eight at most', () => {
    const some = Array.from({ length: 9 }, (_, n) => ({ ...FILE, name: `file-${n}` }));
    expect(problems(...some.slice(1))).toEqual([]);
    expect(problems(...some)).toHaveLength(1);
  });

  test('have paths beside the configuration', () => {
    const config = auditSchema.parse({
      export: [{ ...SYSLOG, certificate: 'c.pem', key: 'k.pem' }, { ...HTTPS, bearerTokenFile: 'token' }, FILE],
    });
    expect(withAbsoluteAuditPaths(config, (name) => `/etc/muster/${name}`).export).toMatchObject([
      { ca: '/etc/muster/siem-ca.pem', certificate: '/etc/muster/c.pem', key: '/etc/muster/k.pem' },
      { ca: '/etc/muster/hook-ca.pem', certificate: undefined, bearerTokenFile: '/etc/muster/token' },
      { path: '/etc/muster/log/audit.ndjson' },
    ]);
  });
});
