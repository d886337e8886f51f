import { createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';

import { beforeAll, describe, expect, test } from 'vitest';

import { type AdmissionFacts, mintAdmission } from '#core/admission.ts';
import { type Bytes, toHex } from '#core/bytes.ts';
import { sha256Hex } from '#core/digest.ts';
import { certificateFingerprint, type NodeName, spkiFingerprint } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import { createIssuingCa } from '#pki/ca-certificates.ts';
import type { Authority } from '#pki/issue-certificate.ts';
import { createIssuer, type Issuer, type PreparedCertificate } from '#pki/issuer.ts';
import { IssuerError, type IssuerFault } from '#pki/issuer-error.ts';
import { createProfile } from '#pki/profile.ts';
import type { Signer } from '#pki/signer.ts';
import { localSigner } from '#pki/signer-file.ts';
import { subjectNode } from '#pki/subject.ts';
import { buildCsr } from '#pki/x509/build-csr.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { type Csr, parseCsr } from '#pki/x509/csr.ts';
import { hostileCsr, oddCsr } from '#test/lab/csr.ts';
import { LAB_NOW, labAdmission, labCsr, labIssuer, labKey, labNodeCa, type NodeCa } from '#test/lab/node-ca.ts';

let ca: NodeCa;
let issuer: Issuer;
beforeAll(async () => {
  ca = await labNodeCa();
  issuer = labIssuer(ca);
});

function prepared(
  csr: Csr = labCsr(),
  facts: Partial<AdmissionFacts> = {},
  by: Issuer = issuer,
  now = LAB_NOW,
): PreparedCertificate {
  const preparation = by.prepare(labAdmission(facts), csr, now);
  if (!preparation.ok) throw new Error(preparation.code);
  return preparation.prepared;
}

async function faultOf(act: () => unknown): Promise<IssuerFault | undefined> {
  try {
    await act();
    return undefined;
  } catch (error) {
    if (error instanceof IssuerError) return error.fault;
    throw error;
  }
}

describe('an issuer', () => {
  test('issues what it prepared, and says what it issued', async () => {
    const key = labKey();
    const intent = prepared(labCsr(key));
    const issued = await issuer.sign(intent);
    const certificate = parseCertificate(issued.der);

    expect(subjectNode(certificate.subject)).toBe('worker-7');
    expect(certificate.publicKey.raw).toEqual(createPublicKey(key).export({ type: 'spki', format: 'der' }));
    expect(toHex(certificate.serial)).toBe(intent.serial);
    expect(sha256Hex(certificate.tbs)).toBe(intent.tbsDigest);
    expect(intent).toMatchObject({
      nodeName: 'worker-7',
      nodeId: '6f1c2c1e-52a4-4c0e-8f3e-0a4a55cbe4a1',
      requestId: '0d9c3f0a-8a54-4a6c-9c63-7a0e43b0c9de',
      spkiFingerprint: spkiFingerprint(certificate.publicKey.raw),
    });
    expect(issued).toMatchObject({
      serial: intent.serial,
      fingerprint: certificateFingerprint(issued.der),
      notBefore: certificate.notBefore,
      notAfter: certificate.notAfter,
    });
    expect(
      new X509Certificate(issued.der).verify(
        createPublicKey({ key: Buffer.from(ca.issuing.signer.spki), type: 'spki', format: 'der' }),
      ),
    ).toBe(true);
  });

  test('spends an admission on the first certificate', () => {
    const admission = labAdmission();
    expect(issuer.prepare(admission, labCsr(), LAB_NOW).ok).toBe(true);
    expect(() => issuer.prepare(admission, labCsr(), LAB_NOW)).toThrow('already redeemed');
  });

  test('spends an admission on a request that it refuses', () => {
    const admission = labAdmission();
    const csr = labCsr();
    expect(issuer.prepare(admission, { ...csr, signature: Buffer.alloc(70) }, LAB_NOW).ok).toBe(false);
    expect(() => issuer.prepare(admission, csr, LAB_NOW)).toThrow('already redeemed');
  });

  test('takes no admission that was not minted', () => {
    const { ...copy } = labAdmission();
    expect(() => issuer.prepare(copy, labCsr(), LAB_NOW)).toThrow('never minted');
  });

  test('signs a prepared certificate once', async () => {
    const intent = prepared();
    await issuer.sign(intent);
    expect(await faultOf(() => issuer.sign(intent))).toBe('not-prepared');
  });

  test('signs a prepared certificate once, though asked twice at the same time', async () => {
    const intent = prepared();
    const outcomes = await Promise.allSettled([issuer.sign(intent), issuer.sign(intent)]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });

  test('signs nothing that another issuer prepared, nor a copy', async () => {
    expect(await faultOf(() => labIssuer(ca).sign(prepared()))).toBe('not-prepared');
    expect(await faultOf(() => issuer.sign({ ...prepared() }))).toBe('not-prepared');
  });

  test('gives every certificate another serial', () => {
    const serials = Array.from({ length: 200 }, () => prepared(labCsr()).serial);
    expect(new Set(serials).size).toBe(200);
  });

  test.for([900, 28_800, 86_400])('issues for %d s, inclusive of the last second', async (ttlSeconds) => {
    const { notBefore, notAfter } = parseCertificate((await issuer.sign(prepared(labCsr(), { ttlSeconds }))).der);
    expect((notAfter.getTime() - notBefore.getTime()) / 1_000 + 1).toBe(ttlSeconds);
    expect(notBefore).toEqual(new Date(LAB_NOW.getTime() - 300_000));
  });

  test.for([899, 86_401, 0, 1.5])('refuses an admission for %d s', (ttlSeconds) => {
    expect(() => prepared(labCsr(), { ttlSeconds })).toThrow(RangeError);
  });

  test.for<[string, string]>([
    ['the last second of UTCTime', '2049-12-31T23:59:59Z'],
    ['a validity that begins in UTCTime and ends in GeneralizedTime', '2049-12-31T23:00:00Z'],
    ['the first second of GeneralizedTime', '2050-01-01T00:00:00Z'],
    ['a leap day', '2048-02-29T12:00:00Z'],
  ])('issues in %s', async ([, at]) => {
    const now = new Date(at);
    const later = await labNodeCa({ now: new Date('2048-01-01T00:00:00Z'), issuingDays: 1_000 });
    const by = labIssuer(later);
    const { notBefore, notAfter } = parseCertificate((await by.sign(prepared(labCsr(), {}, by, now))).der);
    expect(notBefore).toEqual(new Date(now.getTime() - 300_000));
    expect((notAfter.getTime() - notBefore.getTime()) / 1_000 + 1).toBe(28_800);
  });

  test('refuses to let a certificate outlive the CA, and does up to the CA’s last second', async () => {
    const { notAfter } = ca.issuing.certificate;
    // notAfter of the leaf is `now` − 300 s + 28,800 s − 1 s.
    const last = new Date(notAfter.getTime() - 28_499_000);
    expect(prepared(labCsr(), {}, issuer, last).notAfter).toEqual(notAfter);
    const late = new Date(last.getTime() + 1_000);
    expect(await faultOf(() => prepared(labCsr(), {}, issuer, late))).toBe('outside-issuer-validity');
  });

  test('refuses to issue when the clock is before the CA began', async () => {
    const early = new Date(LAB_NOW.getTime() - 1_000);
    expect(await faultOf(() => prepared(labCsr(), {}, issuer, early))).toBe('outside-issuer-validity');
  });
});

describe('what a request may ask for', () => {
  test('is nothing: another subject, CA:TRUE and alternative names leave no trace', async () => {
    const key = labKey();
    const csr = hostileCsr(key);
    expect(csr.hasAttributes).toBe(true);
    const plain = parseCertificate((await issuer.sign(prepared(labCsr(key)))).der);
    const hostile = parseCertificate((await issuer.sign(prepared(csr))).der);
    expect(subjectNode(hostile.subject)).toBe('worker-7');
    expect(hostile.extensions.basicConstraints).toEqual({ ca: false, pathLength: undefined });
    expect(hostile.extensions.subjectAltName).toBeUndefined();
    // Byte for byte the same but for the serial, which is at the same place in both and equally long.
    const withoutSerial = ({ tbs, serial }: typeof plain): string => toHex(tbs).replace(toHex(serial), '');
    expect(withoutSerial(hostile)).toBe(withoutSerial(plain));
  });

  test.for<[string, () => Csr, string]>([
    [
      'a request that the holder of another key signed',
      () => oddCsr(labKey(), { signedBy: labKey() }),
      'signature-invalid',
    ],
    ['a request whose key was exchanged', () => ({ ...labCsr(), publicKey: labCsr().publicKey }), 'signature-invalid'],
    ['a P-521 key', () => oddCsr(labKey('P-521')), 'key-type-refused'],
    ['an RSA key of 1024 bits', () => rsaCsr(1_024), 'key-size-refused'],
  ])('is refused for %s', ([, csr, code]) => {
    expect(issuer.prepare(labAdmission(), csr(), LAB_NOW)).toEqual({ ok: false, code });
  });

  test('is refused for a key of any CA of the installation, listed or its own', async () => {
    const [rootKey, issuingKey] = [labKey(), labKey()];
    const own = { ...ca, issuing: await reissued(issuingKey) };
    const by = labIssuer(own, { caKeys: [localSigner(rootKey).spki] });
    for (const key of [rootKey, issuingKey]) {
      expect(by.prepare(labAdmission(), labCsr(key), LAB_NOW)).toEqual({ ok: false, code: 'key-of-a-ca' });
    }
    expect(by.prepare(labAdmission(), labCsr(), LAB_NOW).ok).toBe(true);
  });

  test.for<[string, () => Csr]>([
    ['P-256', () => labCsr()],
    ['P-384', () => labCsr(labKey('P-384'))],
    ['RSA-2048', () => rsaCsr(2_048)],
  ])('is a certificate for a key on %s', async ([, csr]) => {
    const request = csr();
    const { der } = await issuer.sign(prepared(request));
    expect(parseCertificate(der).publicKey.raw).toEqual(request.publicKey.raw);
  });
});

describe('a signer that does not do what it is asked', () => {
  const withSigner = (sign: (tbs: Bytes) => Promise<Bytes>): Issuer =>
    labIssuer(ca, { signer: { spki: ca.issuing.signer.spki, sign } satisfies Signer });

  test.for<[string, (tbs: Bytes) => Promise<Bytes>]>([
    ['signs with another key', (tbs) => localSigner(labKey()).sign(tbs)],
    ['signs other bytes', (tbs) => ca.issuing.signer.sign(Buffer.concat([tbs, Buffer.of(0)]))],
    ['answers nothing', async () => Buffer.alloc(0)],
    ['adds a byte to its signature', async (tbs) => Buffer.concat([await ca.issuing.signer.sign(tbs), Buffer.of(0)])],
  ])('is found out when it %s', async ([, sign]) => {
    const by = withSigner(sign);
    expect(await faultOf(() => by.sign(prepared(labCsr(), {}, by)))).toBe('signature');
  });

  test('fails the issuance when it fails, and the certificate is spent', async () => {
    const by = withSigner(() => Promise.reject(new Error('sealed')));
    const intent = prepared(labCsr(), {}, by);
    await expect(by.sign(intent)).rejects.toThrow('sealed');
    expect(await faultOf(() => by.sign(intent))).toBe('not-prepared');
  });
});

describe('lint before the signature', () => {
  test('keeps the key from signing what breaks a rule', async () => {
    let signatures = 0;
    const signer: Signer = {
      spki: ca.issuing.signer.spki,
      sign: (tbs) => {
        signatures += 1;
        return ca.issuing.signer.sign(tbs);
      },
    };
    const by = labIssuer(ca, { signer });
    const admission = mintAdmission({ ...labAdmission(), nodeName: 'Worker-7' as NodeName });
    expect(await faultOf(() => by.prepare(admission, labCsr(), LAB_NOW))).toBe('lint');
    expect(signatures).toBe(0);
  });
});

describe('createIssuer', () => {
  test.for<[string, () => Parameters<typeof labIssuer>[1]]>([
    ['a key that is not the certificate’s', () => ({ signer: localSigner(labKey()) })],
    ['the root', () => ({ signer: ca.root.signer, issuerCertificate: ca.root.certificate.der })],
    ['the management CA', () => ({ signer: ca.management.signer, issuerCertificate: ca.management.certificate.der })],
  ])('does not take %s for an issuing CA', async ([, override]) => {
    expect(await faultOf(() => labIssuer(ca, override()))).toBe('not-an-issuer');
  });

  test('does not take a kubelet’s certificate for one', async () => {
    const key = labKey();
    const { der } = await issuer.sign(prepared(labCsr(key)));
    const deps = { signer: localSigner(key), issuerCertificate: der };
    expect(await faultOf(() => labIssuer(ca, deps))).toBe('not-an-issuer');
  });

  test('holds to its profile, whatever an admission says', () => {
    const profile = createProfile({ name: 'kubelet-client', maxTtlSeconds: 3_600 });
    const { issuing } = ca;
    const by = createIssuer({
      signer: issuing.signer,
      issuerCertificate: issuing.certificate.der,
      profile,
      random: (n) => new Uint8Array(n),
      caKeys: [],
    });
    expect(() => prepared(labCsr(), { ttlSeconds: 3_601 }, by)).toThrow(RangeError);
  });
});

function reissued(key: KeyObject): Promise<Authority> {
  const plan = { organization: 'Lab', commonName: 'Lab node issuing CA', lifetimeDays: 30 };
  return createIssuingCa(plan, localSigner(key), ca.root, { now: LAB_NOW, random: systemRandom });
}

const rsaCsr = (bits: number): Csr =>
  parseCsr(buildCsr(generateKeyPairSync('rsa', { modulusLength: bits }).privateKey));
