import { beforeAll, describe, expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import { systemRandom } from '#core/random.ts';
import { isListedReason, LISTED_REASONS } from '#core/revocation-reason.ts';
import { type CrlPlan, issueCrl } from '#pki/crl.ts';
import { encodeCrlEntries, encodeCrlEntry, type Revocation } from '#pki/revocation.ts';
import { newSerial } from '#pki/serial.ts';
import { localSigner } from '#pki/signer-file.ts';
import { parseCrl } from '#pki/x509/crl.ts';
import { encodePem } from '#pki/x509/pem.ts';
import { LAB_NOW, labAdmission, labCsr, labIssuer, labKey, labNodeCa, type NodeCa } from '#test/lab/node-ca.ts';
import { attime, hasTool, runTool } from '#test/lab/foreign-tool.ts';

const DAY_MS = 86_400_000;
const tomorrow = new Date(LAB_NOW.getTime() + DAY_MS);

let ca: NodeCa;
beforeAll(async () => {
  ca = await labNodeCa();
});

const revocation = (override: Partial<Revocation> = {}): Revocation => ({
  serial: newSerial(systemRandom),
  revokedAt: LAB_NOW,
  reason: 'keyCompromise',
  ...override,
});

const plan = (override: Partial<CrlPlan> = {}): CrlPlan => ({
  number: 1n,
  thisUpdate: LAB_NOW,
  nextUpdate: tomorrow,
  entries: [],
  previous: undefined,
  ...override,
});

describe('a CRL', () => {
  test('says who is revoked, since when and why', async () => {
    const reasons = Object.keys(LISTED_REASONS).filter(isListedReason);
    const revoked = reasons.map((reason) => revocation({ reason, revokedAt: new Date(LAB_NOW.getTime() - 1) }));
    const crl = parseCrl(await issueCrl(plan({ entries: revoked.map(encodeCrlEntry) }), ca.issuing));
    for (const { serial, reason } of revoked) {
      const code = reason === 'unspecified' ? undefined : LISTED_REASONS[reason];
      expect(crl.entries.get(serial)).toEqual({ revokedAt: new Date(LAB_NOW.getTime() - 1_000), reason: code });
    }
    expect(crl).toMatchObject({ version: 2, thisUpdate: LAB_NOW, nextUpdate: tomorrow, unknownCritical: undefined });
    expect(crl.issuer.raw).toEqual(ca.issuing.certificate.subject.raw);
    expect(crl.extensions.authorityKeyIdentifier?.keyIdentifier).toEqual(
      ca.issuing.certificate.extensions.subjectKeyIdentifier,
    );
  });

  test('has no list of entries where nobody is revoked', async () => {
    expect(parseCrl(await issueCrl(plan(), ca.issuing)).entries.size).toBe(0);
  });

  test('takes entries in pieces of any size', async () => {
    const revoked = Array.from({ length: 2_500 }, () => revocation());
    const pieces = [
      await encodeCrlEntries(revoked.slice(0, 2_100)),
      encodeCrlEntry(revoked[2_100] ?? revocation()),
      await encodeCrlEntries(revoked.slice(2_101)),
    ];
    const crl = parseCrl(await issueCrl(plan({ entries: pieces }), ca.issuing));
    expect([...crl.entries.keys()]).toEqual(revoked.map(({ serial }) => serial));
  });

  test.for([0n, 255n, 256n, (1n << 64n) + 1n, (1n << 159n) - 1n])('carries the number %d', async (number) => {
    const { crlNumber } = parseCrl(await issueCrl(plan({ number }), ca.issuing)).extensions;
    expect(BigInt(`0x${Buffer.from(crlNumber ?? []).toString('hex')}`)).toBe(number);
  });

  test('says where it is published, where it is told to', async () => {
    const distributionPoint = 'http://muster.example/crl/node.crl';
    const { extensions } = parseCrl(await issueCrl(plan({ distributionPoint }), ca.issuing));
    expect(extensions.issuingDistributionPoint).toMatchObject({
      name: { kind: 'fullName', names: [{ kind: 'uniformResourceIdentifier', text: distributionPoint }] },
      only: undefined,
      reasons: undefined,
      isIndirect: false,
    });
  });

  const previous = { number: 7n, thisUpdate: LAB_NOW };

  test.for<[string, Partial<CrlPlan>, boolean]>([
    ['the next number at the same second', { previous, number: 8n }, true],
    ['a number left out', { previous, number: 80n }, true],
    ['the same number', { previous, number: 7n }, false],
    ['a lower number', { previous, number: 6n }, false],
    [
      'the next number, a second earlier',
      { previous, number: 8n, thisUpdate: new Date(LAB_NOW.getTime() - 1_000) },
      false,
    ],
    ['a negative number', { number: -1n }, false],
    ['a number of 160 bits', { number: 1n << 159n }, false],
  ])('is made after the one before: %s', async ([, change, isMade]) => {
    const outcome = issueCrl(plan(change), ca.issuing).then(
      () => true,
      (error: unknown) => (error instanceof RangeError ? false : Promise.reject(error)),
    );
    expect(await outcome).toBe(isMade);
  });

  test.for<[string, () => Partial<CrlPlan>]>([
    ['nextUpdate is not after thisUpdate', () => ({ nextUpdate: LAB_NOW })],
    ['it lasts more than ten days', () => ({ nextUpdate: new Date(LAB_NOW.getTime() + 10 * DAY_MS + 1_000) })],
    ['an entry is of the future', () => ({ entries: [encodeCrlEntry(revocation({ revokedAt: tomorrow }))] })],
    [
      'a serial is in it twice',
      () => {
        const once = encodeCrlEntry(revocation());
        return { entries: [once, once] };
      },
    ],
    ['the place it is published at is no URI', () => ({ distributionPoint: 'localhost' })],
    ['that place is not in ASCII', () => ({ distributionPoint: 'http://é/' })],
    ['its entries are no entries', () => ({ entries: [Buffer.of(5, 0)] })],
  ])('is not signed when %s', async ([, change]) => {
    await expect(issueCrl(plan(change()), ca.issuing)).rejects.toMatchObject({ fault: 'lint' });
  });

  test('is not handed out with a signature that does not verify', async () => {
    const { certificate, signer } = ca.issuing;
    const liar = { spki: signer.spki, sign: (tbs: Bytes) => localSigner(labKey()).sign(tbs) };
    await expect(issueCrl(plan(), { certificate, signer: liar })).rejects.toMatchObject({ fault: 'signature' });
  });

  test('of 20,000 entries lets other work have its turn', async () => {
    const entries = [await encodeCrlEntries(Array.from({ length: 20_000 }, () => revocation()))];
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 1);
    await issueCrl(plan({ entries }), ca.issuing);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(10);
  });
});

describe.skipIf(!hasTool('openssl'))('OpenSSL on a CRL', () => {
  test('verifies it, and refuses the certificate that is on it and no other', async () => {
    const issuer = labIssuer(ca);
    const issue = async (): Promise<Bytes> => {
      const preparation = issuer.prepare(labAdmission(), labCsr(), LAB_NOW);
      if (!preparation.ok) throw new Error(preparation.code);
      const issued = await issuer.sign(preparation.prepared);
      serials.push(issued.serial);
      return issued.der;
    };
    const serials: Revocation['serial'][] = [];
    const [revoked, good] = [await issue(), await issue()];
    const [serial] = serials;
    if (serial === undefined) throw new Error('nothing issued');
    const entries = [encodeCrlEntry(revocation({ serial }))];
    const crl = { file: encodePem('X509 CRL', await issueCrl(plan({ entries, number: 41n }), ca.issuing)) };
    const certificate = (der: Bytes) => ({ file: encodePem('CERTIFICATE', der) });
    const chain = ['-partial_chain', '-CAfile', certificate(ca.issuing.certificate.der)] as const;

    expect(
      runTool('openssl', 'crl', '-noout', '-in', crl, '-CAfile', certificate(ca.issuing.certificate.der)),
    ).toMatchObject({
      ok: true,
      output: expect.stringContaining('verify OK'),
    });
    const text = runTool('openssl', 'crl', '-noout', '-text', '-in', crl).output;
    expect(text).toContain(serial.toUpperCase());
    expect(text).toMatch(/X509v3 CRL Reason Code:\s+Key Compromise/);
    expect(text).toMatch(/X509v3 CRL Number:\s+41/);
    const check = (der: Bytes) =>
      runTool('openssl', 'verify', ...attime(LAB_NOW), '-crl_check', '-CRLfile', crl, ...chain, certificate(der));
    expect(check(good).ok).toBe(true);
    expect(check(revoked)).toMatchObject({ ok: false, output: expect.stringContaining('certificate revoked') });
  });
});
