import { beforeAll, describe, expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import { systemClock } from '#core/clock.ts';
import { systemRandom } from '#core/random.ts';
import { issueCrl } from '#pki/crl.ts';
import { createOcspResponder } from '#pki/ocsp.ts';
import { encodeCrlEntry } from '#pki/revocation.ts';
import { newSerial } from '#pki/serial.ts';
import { encodePem } from '#pki/x509/pem.ts';
import { hasTool, OUTPUT_FILE, runTool } from '#test/lab/foreign-tool.ts';
import { labAdmission, labCsr, labIssuer, labNodeCa, type NodeCa } from '#test/lab/node-ca.ts';

const pem = (...certificates: readonly Bytes[]) => ({
  file: certificates.map((der) => encodePem('CERTIFICATE', der)).join(''),
});

// GnuTLS judges by the machine's own clock, so these certificates are made by it.
const now = systemClock();

describe.skipIf(!(hasTool('certtool') && hasTool('ocsptool')))('GnuTLS', () => {
  let ca: NodeCa;
  let leaf: Bytes;
  beforeAll(async () => {
    ca = await labNodeCa({ now });
    const issuer = labIssuer(ca);
    const preparation = issuer.prepare(labAdmission(), labCsr(), now);
    if (!preparation.ok) throw new Error(preparation.code);
    leaf = (await issuer.sign(preparation.prepared)).der;
  });

  test.for([
    ['1.3.6.1.5.5.7.3.2', true],
    ['1.3.6.1.5.5.7.3.1', false],
  ] as const)('verifies a kubelet client certificate for purpose %s: %s', ([purpose, isOk]) => {
    const chain = pem(leaf, ca.issuing.certificate.der);
    const anchor = ['--load-ca-certificate', pem(ca.root.certificate.der)] as const;
    const { ok } = runTool('certtool', '--verify', ...anchor, '--verify-purpose', purpose, '--infile', chain);
    expect(ok).toBe(isOk);
  });

  test.for([
    ['issuing', true],
    ['root', false],
  ] as const)('verifies a CRL under the %s CA: %s', async ([name, isOk]) => {
    const entries = [encodeCrlEntry({ serial: newSerial(systemRandom), revokedAt: now, reason: 'superseded' })];
    const nextUpdate = new Date(now.getTime() + 86_400_000);
    const crl = await issueCrl({ number: 3n, thisUpdate: now, nextUpdate, entries, previous: undefined }, ca.issuing);
    const file = { file: encodePem('X509 CRL', crl) };
    const anchor = pem(ca[name].certificate.der);
    const { output } = runTool('certtool', '--verify-crl', '--load-ca-certificate', anchor, '--infile', file);
    expect(/Verification output: Verified/.test(output)).toBe(isOk);
  });

  test('verifies an OCSP answer to a request of its own', async () => {
    const statusOf = async () => ({ status: 'good' }) as const;
    const responder = createOcspResponder({ authority: ca.issuing, statusOf, validSeconds: 3_600 });
    const issuer = pem(ca.issuing.certificate.der);
    const about = ['--load-issuer', issuer, '--load-cert', pem(leaf)] as const;
    const { written } = runTool('ocsptool', '--generate-request', ...about, '--nonce', '--outfile', OUTPUT_FILE);
    const file = { file: await responder.answer(written, now) };
    expect(runTool('ocsptool', '-e', '--load-signer', issuer, '-S', file).output).toContain('Response: Success');
    const other = pem(ca.root.certificate.der);
    expect(runTool('ocsptool', '-e', '--load-signer', other, '-S', file).output).not.toContain('Response: Success');
  });
});
