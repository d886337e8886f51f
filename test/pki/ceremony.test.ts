import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';

import { beforeAll, describe, expect, test } from 'vitest';

import { utf8 } from '#core/bytes.ts';
import { systemRandom } from '#core/random.ts';
import { Secret } from '#core/secret.ts';
import { type CeremonyPlan, type CeremonyResult, DEFAULT_LIFETIMES, performCeremony } from '#pki/ceremony.ts';
import { createIssuingCa, createRootCa } from '#pki/ca-certificates.ts';
import { IssuerError } from '#pki/issuer-error.ts';
import { lintCertificate } from '#pki/lint.ts';
import { issueAdministratorCertificate, issueServerCertificate } from '#pki/management-certificates.ts';
import { localSigner, openKeyFile } from '#pki/signer-file.ts';
import { type Certificate, parseCertificate } from '#pki/x509/certificate.ts';
import { parsePemOf } from '#pki/x509/pem.ts';
import { LAB_NOW, labKey, labNodeCa, type NodeCa } from '#test/lab/node-ca.ts';
import { attime, hasTool, runTool } from '#test/lab/foreign-tool.ts';

const passphrase = new Secret(utf8('correct horse battery'));
const context = { now: LAB_NOW, random: systemRandom, passphrase };
const plan: CeremonyPlan = {
  organization: 'Rack 1 “north”',
  lifetimes: DEFAULT_LIFETIMES,
  server: { dnsNames: ['muster.example', 'localhost'], ipAddresses: ['127.0.0.1', '::1'] },
  administrator: { name: 'ada', role: 'operator' },
  authorizer: { name: 'authorizer', role: 'authorizer' },
};

let result: CeremonyResult;
beforeAll(async () => {
  result = await performCeremony(plan, context);
});

function certificateOf(name: keyof CeremonyResult): Certificate {
  const [der] = parsePemOf('CERTIFICATE', result[name].certificatePem);
  return parseCertificate(der ?? Buffer.alloc(0));
}

const DAY = 86_400;
const lifetimeDays = ({ notBefore, notAfter }: Certificate): number =>
  (notAfter.getTime() - notBefore.getTime() + 1_000) / 1_000 / DAY;

describe('the ceremony', () => {
  test('makes two chains that share no key and no name', () => {
    const names = ['nodeRoot', 'nodeIssuing', 'management', 'server', 'administrator'] as const;
    const spkis = names.map((name) => Buffer.from(certificateOf(name).publicKey.raw).toString('hex'));
    expect(new Set(spkis).size).toBe(5);
    const x509 = (name: keyof CeremonyResult) => new X509Certificate(result[name].certificatePem);
    expect(x509('nodeIssuing').checkIssued(x509('nodeRoot'))).toBe(true);
    expect(x509('nodeIssuing').verify(x509('nodeRoot').publicKey)).toBe(true);
    for (const leaf of ['server', 'administrator'] as const) {
      expect(x509(leaf).verify(x509('management').publicKey)).toBe(true);
      expect(x509(leaf).verify(x509('nodeRoot').publicKey)).toBe(false);
      expect(x509(leaf).verify(x509('nodeIssuing').publicKey)).toBe(false);
    }
  });

  test.for([
    ['nodeRoot', 'node-root-ca', 'nodeRoot'],
    ['nodeIssuing', 'node-issuing-ca', 'nodeRoot'],
    ['management', 'management-ca', 'management'],
    ['server', 'server', 'management'],
    ['administrator', 'administrator', 'management'],
  ] as const)('makes a %s certificate that lint finds nothing wrong with', ([name, purpose, issuer]) => {
    const { der } = certificateOf(name);
    expect(lintCertificate(der, { purpose, issuer: certificateOf(issuer) })).toEqual([]);
  });

  test('gives each certificate the lifetime it was asked to', () => {
    expect(lifetimeDays(certificateOf('nodeRoot'))).toBe(3_650);
    expect(lifetimeDays(certificateOf('nodeIssuing'))).toBe(730);
    expect(lifetimeDays(certificateOf('management'))).toBe(3_650);
    expect(lifetimeDays(certificateOf('server'))).toBe(365);
    expect(lifetimeDays(certificateOf('administrator'))).toBe(30);
  });

  test('seals each CA key under the passphrase, each for its own certificate', async () => {
    for (const name of ['nodeRoot', 'nodeIssuing', 'management'] as const) {
      const signer = await openKeyFile(result[name].sealedKey, passphrase);
      expect(signer.spki).toEqual(certificateOf(name).publicKey.raw);
    }
  });

  test('hands the server’s and the administrator’s keys over as secrets that do not print', () => {
    for (const name of ['server', 'administrator'] as const) {
      const { keyPem } = result[name];
      const spki = createPublicKey(createPrivateKey(keyPem.reveal())).export({ type: 'spki', format: 'der' });
      expect(spki).toEqual(certificateOf(name).publicKey.raw);
    }
    expect(JSON.stringify(result)).not.toContain('PRIVATE KEY');
  });

  test('names the server by what it is reached at', () => {
    const server = new X509Certificate(result.server.certificatePem);
    expect(server.checkHost('muster.example')).toBe('muster.example');
    expect(server.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(server.checkIP('::1')).toBe('::1');
    expect(server.checkHost('other.example')).toBeUndefined();
  });

  test.for<[string, Partial<CeremonyPlan>, string]>([
    [
      'an issuing CA that outlives its root',
      { lifetimes: { ...DEFAULT_LIFETIMES, nodeIssuing: 3_651 } },
      'IssuerError',
    ],
    ['an administrator for 91 days', { lifetimes: { ...DEFAULT_LIFETIMES, administrator: 91 } }, 'IssuerError'],
    ['an authorizer for 91 days', { lifetimes: { ...DEFAULT_LIFETIMES, authorizer: 91 } }, 'IssuerError'],
    ['a server for 826 days', { lifetimes: { ...DEFAULT_LIFETIMES, server: 826 } }, 'IssuerError'],
    ['a root for 21 years', { lifetimes: { ...DEFAULT_LIFETIMES, nodeRoot: 7_665 } }, 'IssuerError'],
    ['a lifetime of no days', { lifetimes: { ...DEFAULT_LIFETIMES, management: 0 } }, 'IssuerError'],
    ['a server without a name', { server: { dnsNames: [], ipAddresses: [] } }, 'IssuerError'],
    ['a server by a wildcard', { server: { dnsNames: ['*.example'], ipAddresses: [] } }, 'IssuerError'],
    ['a server by an address in a DNS name’s place', { server: { dnsNames: ['a b'], ipAddresses: [] } }, 'IssuerError'],
    [
      'a server by a name in an address’s place',
      { server: { dnsNames: [], ipAddresses: ['muster.example'] } },
      'RangeError',
    ],
    ['an organization that Kubernetes gives a meaning', { organization: 'system:masters' }, 'IssuerError'],
    ['an organization of 65 characters', { organization: 'a'.repeat(65) }, 'IssuerError'],
    ['an organization without characters', { organization: '' }, 'RangeError'],
    [
      'an administrator with a Kubernetes name',
      { administrator: { name: 'system:admin', role: 'operator' } },
      'RangeError',
    ],
    ['an administrator of another role’s form', { administrator: { name: 'ada', role: 'Operator' } }, 'RangeError'],
  ])('makes nothing for %s', async ([, change, name]) => {
    await expect(performCeremony({ ...plan, ...change }, context)).rejects.toMatchObject({ name });
  });
});

describe('the management CA’s certificates', () => {
  let ca: NodeCa;
  beforeAll(async () => {
    ca = await labNodeCa();
  });
  const leaf = () => ({ spki: localSigner(labKey()).spki, lifetimeDays: 30 });

  test.for(['root', 'issuing'] as const)('are never signed by the node chain’s %s', async (name) => {
    const server = issueServerCertificate({ ...leaf(), ...plan.server }, ca[name], context);
    await expect(server).rejects.toMatchObject({ fault: 'not-an-issuer' });
    const administrator = issueAdministratorCertificate(
      { ...leaf(), administrator: plan.administrator },
      ca[name],
      context,
    );
    await expect(administrator).rejects.toMatchObject({ fault: 'not-an-issuer' });
  });

  test('are signed by the management CA, for an administrator from a day on', async () => {
    const administrator = { name: 'grace', role: 'auditor' };
    const certificate = await issueAdministratorCertificate(
      { ...leaf(), lifetimeDays: 1, administrator },
      ca.management,
      context,
    );
    expect(lifetimeDays(certificate)).toBe(1);
  });

  test('do not outlive the management CA', async () => {
    const late = { ...context, now: new Date(ca.management.certificate.notAfter.getTime() - 29 * DAY * 1_000) };
    const refused = issueAdministratorCertificate(
      { ...leaf(), administrator: plan.administrator },
      ca.management,
      late,
    );
    await expect(refused).rejects.toThrow(IssuerError);
  });
});

describe('an issuing CA', () => {
  test('is not made below a CA that allows none below it', async () => {
    const rootPlan = { organization: 'Lab', commonName: 'Lab', lifetimeDays: 30 };
    const management = await createRootCa('management-ca', rootPlan, localSigner(labKey()), context);
    const issuingPlan = { ...rootPlan, commonName: 'Below' };
    await expect(createIssuingCa(issuingPlan, localSigner(labKey()), management, context)).rejects.toMatchObject({
      fault: 'lint',
    });
  });
});

describe.skipIf(!hasTool('openssl'))('OpenSSL on the ceremony’s certificates', () => {
  const pem = (name: keyof CeremonyResult) => ({ file: result[name].certificatePem });
  const verify = (anchor: keyof CeremonyResult, name: keyof CeremonyResult, ...more: readonly string[]) =>
    runTool(
      'openssl',
      'verify',
      '-x509_strict',
      '-check_ss_sig',
      ...attime(LAB_NOW),
      ...more,
      '-CAfile',
      pem(anchor),
      pem(name),
    ).ok;

  test('accepts each chain for its own use', () => {
    expect(verify('nodeRoot', 'nodeIssuing')).toBe(true);
    expect(verify('management', 'server', '-purpose', 'sslserver', '-verify_hostname', 'muster.example')).toBe(true);
    expect(verify('management', 'server', '-purpose', 'sslserver', '-verify_ip', '::1')).toBe(true);
    expect(verify('management', 'administrator', '-purpose', 'sslclient')).toBe(true);
  });

  test('accepts neither leaf for the other’s use, nor below the node root', () => {
    expect(verify('management', 'server', '-purpose', 'sslclient')).toBe(false);
    expect(verify('management', 'administrator', '-purpose', 'sslserver')).toBe(false);
    expect(verify('nodeRoot', 'server')).toBe(false);
    expect(verify('nodeRoot', 'administrator')).toBe(false);
  });
});
