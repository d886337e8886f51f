import { X509Certificate } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import { localSigner } from '#pki/signer-file.ts';
import { setOf, sequence, oid } from '#pki/x509/der-writer.ts';
import { basicConstraints, dnsName, keyUsage, subjectAltName } from '#pki/x509/extension-writer.ts';
import { buildName } from '#pki/x509/name-writer.ts';
import { ATTRIBUTE } from '#pki/x509/oids.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { hostileCsr, oddCsr } from '#test/lab/csr.ts';
import { join, joinLab, told } from '#test/lab/join-lab.ts';
import { labKey } from '#test/lab/node-ca.ts';

const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
const asking = (...extensions: readonly Bytes[]): readonly Bytes[] => [
  sequence(oid(EXTENSION_REQUEST), setOf(sequence(...extensions))),
];
const master = buildName([ATTRIBUTE.organization, 'system:masters'], [ATTRIBUTE.commonName, 'admin']);
const otherNode = buildName([ATTRIBUTE.organization, 'system:nodes'], [ATTRIBUTE.commonName, 'system:node:worker-8']);

describe('A13 a certificate request that asks for more than a key', () => {
  test.each<[string, (key: ReturnType<typeof labKey>) => Bytes]>([
    ['nothing', (key) => oddCsr(key).der],
    ['O=system:masters', (key) => oddCsr(key, { subject: master }).der],
    ['the name of another node', (key) => oddCsr(key, { subject: otherNode }).der],
    ['a DNS name', (key) => oddCsr(key, { attributes: asking(subjectAltName(false, dnsName('kubernetes'))) }).der],
    ['to be a CA', (key) => oddCsr(key, { attributes: asking(basicConstraints('unlimited')) }).der],
    ['to sign certificates', (key) => oddCsr(key, { attributes: asking(keyUsage('keyCertSign')) }).der],
    ['all of it', (key) => hostileCsr(key).der],
  ])('A13 asking for %s, it gets a node’s certificate in the node’s name, or none', async (_, csrOf) => {
    const lab = await joinLab();
    const key = labKey();
    const outcome = await join(lab, { key, csr: csrOf(key) });
    expect(told(outcome)).toBe('ok');
    const issued = (await lab.store.listCertificates(lab.node.id, 10)).find(({ state }) => state === 'issued');
    const der = issued?.der ?? new Uint8Array();
    const certificate = new X509Certificate(der);
    expect(certificate.subject).toBe('O=system:nodes\nCN=system:node:worker-7');
    expect([certificate.ca, certificate.subjectAltName]).toEqual([false, undefined]);
    expect(certificate.checkPrivateKey(key)).toBe(true);
    const { extensions, publicKey } = parseCertificate(der);
    expect([...(extensions.keyUsage ?? [])]).toEqual(['digitalSignature']);
    expect(extensions.extendedKeyUsage).toEqual(new Set(['1.3.6.1.5.5.7.3.2']));
    expect(Buffer.from(publicKey.raw)).toEqual(Buffer.from(localSigner(key).spki));
  });

  test('A13 signed by another than its holder it is refused, with a quote that covers its key', async () => {
    const lab = await joinLab();
    const key = labKey();
    expect(told(await join(lab, { key, csr: oddCsr(key, { signedBy: labKey() }).der }))).toBe('csr-rejected');
    expect(told(await join(lab, { key }))).toBe('ok');
  });
});
