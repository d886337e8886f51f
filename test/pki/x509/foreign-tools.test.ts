import { generateKeyPairSync } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import { buildCsr } from '#pki/x509/build-csr.ts';
import { dnsName, extension, subjectAltName } from '#pki/x509/extension-writer.ts';
import { nullValue } from '#pki/x509/der-writer.ts';
import { encodePem, parsePem } from '#pki/x509/pem.ts';
import { attime, hasTool, runTool, type ToolArgument } from '#test/lab/foreign-tool.ts';

import { ISSUER, LEAF, plus, ROOT, told, verify } from './chain-lab.ts';
import { crlDer } from './crl-lab.ts';
import { leaf, NOW } from './lab.ts';

const pem = (der: Uint8Array): ToolArgument => ({ file: encodePem('CERTIFICATE', der) });

/** What `openssl verify` says of a leaf under the lab's root and intermediate. */
const opensslVerifies = (der: Uint8Array): boolean =>
  runTool(
    'openssl',
    'verify',
    '-x509_strict',
    '-purpose',
    'sslclient',
    ...attime(NOW),
    '-CAfile',
    pem(ROOT.certificate.der),
    '-untrusted',
    pem(ISSUER.certificate.der),
    pem(der),
  ).ok;

describe.skipIf(!hasTool('openssl'))('OpenSSL agrees', () => {
  test.each([
    ['a good leaf', LEAF],
    ['a leaf with a name', leaf(ISSUER, 'Leaf', { extensions: plus(subjectAltName(false, dnsName('a.example'))) })],
    ['a leaf signed by another key', leaf(ISSUER, 'Leaf', { signWith: ROOT.key })],
    ['an expired leaf', leaf(ISSUER, 'Leaf', { notAfter: new Date(NOW.getTime() - 1000) })],
    [
      'an unknown critical extension',
      leaf(ISSUER, 'Leaf', { extensions: plus(extension('1.2.3.4', true, nullValue())) }),
    ],
  ])('on %s', (_, certificate) => {
    expect(opensslVerifies(certificate.der)).toBe(told(verify({ leaf: certificate })) === 'accepted');
  });

  test('on a request: its signature and its name', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    const { ok, output } = runTool('openssl', 'req', '-verify', '-noout', '-text', '-inform', 'DER', '-in', {
      file: buildCsr(privateKey, 'worker-1'),
    });
    expect(ok).toBe(true);
    expect(output).toMatch(/verify OK[\s\S]*Subject: CN ?= ?worker-1|Subject: CN ?= ?worker-1[\s\S]*verify OK/);
  });

  test('on a CRL: its signature and its entries', () => {
    const list = crlDer(ISSUER, { entries: [{ serial: Buffer.of(0x12, 0x34), reason: 1 }] });
    const issuer = pem(ISSUER.certificate.der);
    const { ok, output } = runTool(
      'openssl',
      'crl',
      '-inform',
      'DER',
      '-in',
      { file: list },
      '-CAfile',
      issuer,
      '-noout',
      '-text',
    );
    expect(ok).toBe(true);
    expect(output).toContain('verify OK');
    expect(output).toMatch(/Serial Number: 1234[\s\S]*Key Compromise/);
  });

  test('that our PEM is PEM, and we that its is', () => {
    const { ok, output } = runTool('openssl', 'x509', '-in', pem(LEAF.der));
    expect(ok).toBe(true);
    expect(parsePem(output)).toEqual([{ label: 'CERTIFICATE', der: Buffer.from(LEAF.der) }]);
  });
});

describe.skipIf(!hasTool('certtool'))('GnuTLS agrees', () => {
  test('that the good leaf is well-formed, field by field', () => {
    const { ok, output } = runTool('certtool', '--certificate-info', '--infile', pem(LEAF.der));
    expect(ok).toBe(true);
    expect(output).toMatch(/Subject: CN=Leaf[\s\S]*Digital signature[\s\S]*TLS WWW Client/);
  });
});
