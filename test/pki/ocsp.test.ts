import { beforeAll, describe, expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import { digest, type HashName } from '#core/digest.ts';
import type { Serial } from '#core/ids.ts';
import { createOcspResponder, OCSP_TRY_LATER, type OcspResponder, type OcspStatus } from '#pki/ocsp.ts';
import { OCSP_NONCE, parseOcspRequest } from '#pki/ocsp-request.ts';
import * as der from '#pki/x509/der-writer.ts';
import { extension } from '#pki/x509/extension-writer.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import { DIGEST_OID } from '#pki/x509/oids.ts';
import { encodePem } from '#pki/x509/pem.ts';
import { LAB_NOW, labAdmission, labCsr, labIssuer, labNodeCa, type NodeCa } from '#test/lab/node-ca.ts';
import { attime, hasTool, OUTPUT_FILE, runTool } from '#test/lab/foreign-tool.ts';

let ca: NodeCa;
let responder: OcspResponder;
const statuses = new Map<Serial, OcspStatus>();

beforeAll(async () => {
  ca = await labNodeCa();
  responder = createOcspResponder({
    authority: ca.issuing,
    statusOf: async (serial) => statuses.get(serial) ?? { status: 'unknown' },
    validSeconds: 3_600,
  });
});

const algorithm = (hash: Exclude<HashName, 'sha512'> | 'sha512'): Bytes =>
  der.sequence(der.oid(DIGEST_OID[hash]), der.nullValue());

interface RequestParts {
  readonly hash?: HashName;
  readonly nameHash?: Bytes;
  readonly keyHash?: Bytes;
  readonly serial?: Bytes;
  readonly certIds?: number;
  readonly before?: readonly Bytes[];
  readonly extensions?: readonly Bytes[];
}

function request(parts: RequestParts = {}): Bytes {
  const { hash = 'sha256', serial = der.integer(5), certIds = 1, before = [], extensions } = parts;
  const { subject, publicKey } = ca.issuing.certificate;
  const { nameHash = digest(hash, subject.raw), keyHash = digest(hash, publicKey.key) } = parts;
  const certId = der.sequence(algorithm(hash), der.octetString(nameHash), der.octetString(keyHash), serial);
  const list = der.sequence(...Array.from({ length: certIds }, () => der.sequence(certId)));
  const more = extensions === undefined ? [] : [der.tagged(2, der.sequence(...extensions))];
  return der.sequence(der.sequence(...before, list, ...more));
}

const nonce = (length: number, critical = false): Bytes =>
  extension(OCSP_NONCE, critical, der.octetString(Buffer.alloc(length, 7)));
const isSuccessful = (answer: Bytes): boolean => answer.byteLength > 100;
const refusalCode = (answer: Bytes): number | undefined => (isSuccessful(answer) ? undefined : answer[4]);

describe('an OCSP responder', () => {
  test.for<[string, RequestParts]>([
    ['a SHA-256 name for the certificate', {}],
    ['a SHA-1 name for it, as most clients have', { hash: 'sha1' }],
    ['SHA-384', { hash: 'sha384' }],
    ['a nonce', { extensions: [nonce(32)] }],
    ['32 certificates at once', { certIds: 32 }],
    ['a serial that nobody has', { serial: Buffer.of(2, 1, 0x80) }],
    ['an extension that nobody knows', { extensions: [extension('1.2.3', false, der.nullValue())] }],
  ])('answers a request with %s', async ([, parts]) => {
    expect(isSuccessful(await responder.answer(request(parts), LAB_NOW))).toBe(true);
  });

  test.for<[string, RequestParts, number]>([
    ['another issuer’s name', { nameHash: Buffer.alloc(32) }, 6],
    ['another issuer’s key', { keyHash: Buffer.alloc(32) }, 6],
    ['a hash of the wrong length', { keyHash: Buffer.alloc(20) }, 6],
    ['33 certificates', { certIds: 33 }, 1],
    ['none', { certIds: 0 }, 1],
    ['version 1 spelled out', { before: [der.tagged(0, der.integer(0))] }, 1],
    ['an empty nonce', { extensions: [nonce(0)] }, 1],
    ['a nonce of 129 bytes', { extensions: [nonce(129)] }, 1],
    ['two nonces', { extensions: [nonce(8), nonce(8)] }, 1],
    ['a critical extension that nobody knows', { extensions: [extension('1.2.3', true, der.nullValue())] }, 1],
  ])('refuses a request with %s', async ([, parts, code]) => {
    expect(refusalCode(await responder.answer(request(parts), LAB_NOW))).toBe(code);
  });

  test('refuses what is no request', async () => {
    expect(refusalCode(await responder.answer(Buffer.alloc(0), LAB_NOW))).toBe(1);
    expect(refusalCode(await responder.answer(Buffer.concat([request(), Buffer.of(0)]), LAB_NOW))).toBe(1);
    expect(refusalCode(await responder.answer(Buffer.alloc(8_193), LAB_NOW))).toBe(1);
    expect(refusalCode(OCSP_TRY_LATER)).toBe(3);
  });

  test('repeats the nonce, and has none where none was asked for', async () => {
    const asked = Buffer.from(await responder.answer(request({ extensions: [nonce(32)] }), LAB_NOW));
    expect(asked.includes(Buffer.alloc(32, 7))).toBe(true);
    const plain = Buffer.from(await responder.answer(request(), LAB_NOW));
    expect(plain.includes(Buffer.from(der.oid(OCSP_NONCE)))).toBe(false);
  });

  test('answers nothing when the status cannot be had', async () => {
    const { authority, validSeconds } = { authority: ca.issuing, validSeconds: 3_600 };
    const failing = createOcspResponder({
      authority,
      validSeconds,
      statusOf: () => Promise.reject(new Error('store')),
    });
    await expect(failing.answer(request(), LAB_NOW)).rejects.toThrow('store');
  });

  test.for([59, 864_001, Number.NaN])('does not make answers valid for %d s', (validSeconds) => {
    const deps = {
      authority: ca.issuing,
      validSeconds,
      statusOf: async (): Promise<OcspStatus> => ({ status: 'good' }),
    };
    expect(() => createOcspResponder(deps)).toThrow(RangeError);
  });

  test('throws nothing but a format error on any cut of a request', () => {
    const whole = request({ extensions: [nonce(8)] });
    for (let length = 0; length < whole.byteLength; length += 1) {
      expect(() => parseOcspRequest(whole.subarray(0, length))).toThrow(X509FormatError);
    }
  });
});

describe.skipIf(!hasTool('openssl'))('OpenSSL as an OCSP client', () => {
  async function issued(): Promise<{ serial: Serial; der: Bytes }> {
    const issuer = labIssuer(ca);
    const preparation = issuer.prepare(labAdmission(), labCsr(), LAB_NOW);
    if (!preparation.ok) throw new Error(preparation.code);
    return issuer.sign(preparation.prepared);
  }

  test.for<[string, OcspStatus, RegExp]>([
    ['good', { status: 'good' }, /: good\n/],
    [
      'revoked',
      { status: 'revoked', revokedAt: LAB_NOW, reason: 'keyCompromise' },
      /: revoked\n[^]*Reason: keyCompromise/,
    ],
    ['revoked for no reason given', { status: 'revoked', revokedAt: LAB_NOW, reason: 'unspecified' }, /: revoked\n/],
    ['unknown', { status: 'unknown' }, /: unknown\n/],
  ])('verifies the answer that a certificate is %s', async ([, status, text]) => {
    const certificate = await issued();
    statuses.set(certificate.serial, status);
    const pem = (der: Bytes) => ({ file: encodePem('CERTIFICATE', der) });
    const about = ['-issuer', pem(ca.issuing.certificate.der), '-cert', pem(certificate.der)] as const;
    const asked = runTool('openssl', 'ocsp', ...about, '-nonce', '-reqout', OUTPUT_FILE).written;
    const answer = await responder.answer(asked, LAB_NOW);
    const check = ['-no_nonce', '-reqin', { file: asked }, '-respin', { file: answer }, ...about] as const;
    const trust = [
      '-CAfile',
      pem(ca.root.certificate.der),
      '-verify_other',
      pem(ca.issuing.certificate.der),
      '-trust_other',
    ] as const;
    const { output } = runTool(
      'openssl',
      'ocsp',
      ...check,
      ...trust,
      ...attime(LAB_NOW),
      '-validity_period',
      '999999999',
    );
    expect(output).toContain('Response verify OK');
    expect(output).toMatch(text);
  });
});
