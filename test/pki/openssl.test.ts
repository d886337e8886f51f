import { beforeAll, describe, expect, test } from 'vitest';

import { parseCertificate } from '#pki/x509/certificate.ts';
import { encodePem } from '#pki/x509/pem.ts';
import { hostileCsr } from '#test/lab/csr.ts';
import { LAB_NOW, labAdmission, labCsr, labIssuer, labKey, labNodeCa, type NodeCa } from '#test/lab/node-ca.ts';
import { attime, hasTool, runTool } from '#test/lab/foreign-tool.ts';

const pem = (der: Uint8Array) => ({ file: encodePem('CERTIFICATE', der) });
const seconds = (count: number): number => count * 1_000;

describe.skipIf(!hasTool('openssl'))('OpenSSL on a kubelet client certificate', () => {
  let ca: NodeCa;
  let leaf: Uint8Array;
  beforeAll(async () => {
    ca = await labNodeCa();
    const issuer = labIssuer(ca);
    const preparation = issuer.prepare(labAdmission(), hostileCsr(labKey()), LAB_NOW);
    if (!preparation.ok) throw new Error(preparation.code);
    leaf = (await issuer.sign(preparation.prepared)).der;
  });

  const verify = (at: Date, ...more: readonly string[]) => {
    const chain = ['-CAfile', pem(ca.root.certificate.der), '-untrusted', pem(ca.issuing.certificate.der)] as const;
    return runTool('openssl', 'verify', '-x509_strict', '-check_ss_sig', ...attime(at), ...more, ...chain, pem(leaf));
  };

  test('accepts it for a TLS client below the root', () => {
    expect(verify(LAB_NOW, '-purpose', 'sslclient')).toMatchObject({ ok: true });
  });

  test.for(['sslserver', 'smimesign', 'smimeencrypt', 'crlsign', 'ocsphelper', 'timestampsign'])(
    'does not accept it for %s',
    (purpose) => {
      // Whatever may sign OCSP responses is decided by the OCSP code, so the helper purpose accepts any certificate.
      expect(verify(LAB_NOW, '-purpose', purpose).ok).toBe(purpose === 'ocsphelper');
    },
  );

  test('accepts it from its first second to its end', () => {
    const { notBefore, notAfter } = parseCertificate(leaf);
    const isAccepted = (from: Date, offset: number): boolean =>
      verify(new Date(from.getTime() + seconds(offset)), '-purpose', 'sslclient').ok;
    expect([isAccepted(notBefore, -1), isAccepted(notBefore, 0)]).toEqual([false, true]);
    // OpenSSL leaves out notAfter itself, which RFC 5280 §4.1.2.5 counts in.
    expect([isAccepted(notAfter, -1), isAccepted(notAfter, 1)]).toEqual([true, false]);
  });

  test('does not accept it below the management CA, alone or beside the issuing CA', () => {
    const anchor = ['-CAfile', pem(ca.management.certificate.der)] as const;
    const untrusted = ['-untrusted', pem(ca.issuing.certificate.der)] as const;
    expect(runTool('openssl', 'verify', ...attime(LAB_NOW), ...anchor, pem(leaf)).ok).toBe(false);
    expect(runTool('openssl', 'verify', ...attime(LAB_NOW), ...anchor, ...untrusted, pem(leaf)).ok).toBe(false);
  });

  test('reads every field as the profile has it, whatever the request asked for', () => {
    const { output } = runTool('openssl', 'x509', '-in', pem(leaf), '-noout', '-text');
    const lines = output.split('\n').map((line) => line.trim());
    const behind = (label: string): string | undefined => lines[lines.indexOf(label) + 1];

    expect(lines).toContain('Version: 3 (0x2)');
    expect(behind('Serial Number:')).toMatch(/^4d(?::[0-9a-f]{2}){16}$/);
    expect(lines.filter((line) => line === 'Signature Algorithm: ecdsa-with-SHA256')).toHaveLength(2);
    expect(lines).toContain('Issuer: O = Lab, CN = Lab node issuing CA');
    expect(lines).toContain('Not Before: Nov 21 09:55:00 2026 GMT');
    expect(lines).toContain('Not After : Nov 21 17:54:59 2026 GMT');
    expect(lines).toContain('Subject: O = system:nodes, CN = system:node:worker-7');
    expect(lines).toContain('NIST CURVE: P-256');
    expect(behind('X509v3 Basic Constraints: critical')).toBe('CA:FALSE');
    expect(behind('X509v3 Key Usage: critical')).toBe('Digital Signature');
    expect(behind('X509v3 Extended Key Usage:')).toBe('TLS Web Client Authentication');
    expect(behind('X509v3 Authority Key Identifier:')).toMatch(/^[0-9A-F]{2}(?::[0-9A-F]{2}){19}$/);
    expect(behind('X509v3 Subject Key Identifier:')).toMatch(/^[0-9A-F]{2}(?::[0-9A-F]{2}){19}$/);
    expect(lines.filter((line) => line.startsWith('X509v3 ') && line !== 'X509v3 extensions:')).toHaveLength(5);
    expect(output).not.toMatch(/masters|admin|kubernetes|DNS:|CA:TRUE/);
  });

  test('links its key identifiers to the issuing CA’s', () => {
    const identifier = (der: Uint8Array, label: string): string | undefined => {
      const lines = runTool('openssl', 'x509', '-in', pem(der), '-noout', '-text')
        .output.split('\n')
        .map((line) => line.trim());
      return lines[lines.indexOf(label) + 1];
    };
    expect(identifier(leaf, 'X509v3 Authority Key Identifier:')).toBe(
      identifier(ca.issuing.certificate.der, 'X509v3 Subject Key Identifier:'),
    );
  });

  test.for<[string, () => ReturnType<typeof labKey>]>([
    ['P-256', () => labKey()],
    ['P-384', () => labKey('P-384')],
  ])('accepts one for a key on %s', async ([, key]) => {
    const issuer = labIssuer(ca);
    const preparation = issuer.prepare(labAdmission(), labCsr(key()), LAB_NOW);
    if (!preparation.ok) throw new Error(preparation.code);
    const { der } = await issuer.sign(preparation.prepared);
    const chain = ['-CAfile', pem(ca.root.certificate.der), '-untrusted', pem(ca.issuing.certificate.der)] as const;
    expect(runTool('openssl', 'verify', ...attime(LAB_NOW), '-purpose', 'sslclient', ...chain, pem(der)).ok).toBe(true);
  });
});
