import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import { buildCsr } from '#pki/x509/build-csr.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { verifyChain } from '#pki/x509/chain.ts';
import { FOREIGN_CHAIN } from '#pki/x509/chain-policy.ts';
import { parseCrl } from '#pki/x509/crl.ts';
import { parseCsr } from '#pki/x509/csr.ts';
import { checkDer } from '#pki/x509/der-gate.ts';
import { dnsName, subjectAltName } from '#pki/x509/extension-writer.ts';
import { parsePem, encodePem } from '#pki/x509/pem.ts';
import { plainSpki } from '#pki/x509/plain-spki.ts';
import { parsePublicKey } from '#pki/x509/public-key.ts';
import { ANY_PURPOSE } from '#pki/x509/purpose.ts';
import { parseSpki } from '#pki/x509/spki.ts';
import { trimCertificate } from '#pki/x509/trim-certificate.ts';
import { verifyCsr } from '#pki/x509/verify-csr.ts';
import { FUZZ_RUNS } from '#test/lab/fuzz-runs.ts';
import { hostileBytes } from '#test/lab/mutate.ts';

import { crlDer } from './crl-lab.ts';
import { intermediate, leafDer, NOW, root, spkiOf } from './lab.ts';
import { plus } from './chain-lab.ts';
import { outcome } from './outcome.ts';

/** Mutations of each of the two inputs that strangers send. */
const RUNS = Math.max(20_000, FUZZ_RUNS);

const ROOT = root();
const ISSUER = intermediate(ROOT);
const CERTIFICATE = leafDer(ISSUER, 'Leaf', { extensions: plus(subjectAltName(false, dnsName('a.example'))) });
const CSR = buildCsr(ISSUER.key, 'node');
const PEM = Buffer.from(encodePem('CERTIFICATE', CERTIFICATE));
const CRL = crlDer(ISSUER, { entries: [{ serial: Buffer.of(1), reason: 1 }] });

/** Gives `use` mutations of `seeds`. The report on the first that makes it throw anything but a format error; undefined when none does. */
function firstCrash(seeds: readonly Bytes[], numRuns: number, use: (bytes: Bytes) => void): string | undefined {
  const property = fc.property(hostileBytes(seeds, 256), (bytes) => {
    outcome(() => use(bytes));
  });
  const details = fc.check(property, { numRuns });
  return details.failed ? (fc.defaultReportMessage(details) ?? 'failed') : undefined;
}

test.each<[string, readonly Bytes[], number, (bytes: Bytes) => void]>([
  [
    'certificate',
    [CERTIFICATE, ISSUER.certificate.der],
    RUNS,
    (bytes) => parseCertificate(bytes, { dialect: 'tpm-maker' }),
  ],
  ['request, verified where it parses', [CSR], RUNS, useCsr],
  ['CRL', [CRL], FUZZ_RUNS, parseCrl],
  ['public key', [spkiOf(ROOT.key)], FUZZ_RUNS, useSpki],
  ['NV index', [Buffer.concat([CERTIFICATE, Buffer.alloc(20, 0xff)])], FUZZ_RUNS, trimCertificate],
  ['DER', [CERTIFICATE, CRL], FUZZ_RUNS, (bytes) => checkDer(bytes, 'fuzz', { maxBytes: 4_096 })],
  ['PEM', [PEM], FUZZ_RUNS, (bytes) => parsePem(Buffer.from(bytes).toString('latin1'))],
])('no mutation of a %s throws anything but a format error', (_, seeds, runs, use) => {
  expect(firstCrash(seeds, runs, use)).toBeUndefined();
});

function useCsr(bytes: Bytes): void {
  const verdict = verifyCsr(parseCsr(bytes));
  if (verdict.ok && Buffer.compare(bytes, CSR) !== 0) throw new Error('a changed request was accepted');
}

function useSpki(bytes: Bytes): void {
  const spki = parseSpki(bytes);
  parsePublicKey(spki);
  plainSpki(spki);
}

test('no mutation of a leaf is accepted under its root', () => {
  const crash = firstCrash([CERTIFICATE], FUZZ_RUNS, (bytes) => {
    const verdict = verifyChain({
      leaf: parseCertificate(bytes),
      intermediates: [ISSUER.certificate],
      anchors: [ROOT.certificate],
      now: NOW,
      purpose: ANY_PURPOSE,
      policy: FOREIGN_CHAIN,
    });
    if (verdict.ok && Buffer.compare(bytes, CERTIFICATE) !== 0) throw new Error('a changed certificate was accepted');
  });
  expect(crash).toBeUndefined();
});

test('what is parsed is within the input, and its bytes are the input', () => {
  const certificate = parseCertificate(CERTIFICATE);
  const { tbs, signature, publicKey } = certificate;
  const all = Buffer.from(CERTIFICATE).toString('hex');
  for (const part of [tbs, signature, publicKey.raw]) expect(all).toContain(Buffer.from(part).toString('hex'));
});
