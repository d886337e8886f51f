import { describe, expect, test } from 'vitest';

import { concatBytes } from '#core/bytes.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import { judgeEkCertificate, vectorCertificate, vectorPem } from '#test/lab/ek-certificate-vectors.ts';
import { verdict } from '#test/lab/tpm-appraisal.ts';
import { labJoin, labNode } from '#test/lab/tpm-evidence.ts';
import { vectorBytes } from '#test/lab/vectors.ts';

describe('T15 an EK certificate with what its NV index holds after it', () => {
  const st = vectorBytes('ek-certificates/st_sha256_with_rsa_der.der');
  const options = { anchors: [vectorPem('ek-certificates/STM_RSA_05I.pem')] };
  const ST = { manufacturer: 'id:53544D20', model: 'ST33HTPHAHB4', version: 'id:00490004', software: false };

  test("a real one, filled up with FF, is accepted under its maker's CA", () => {
    expect(st).toHaveLength(1_600);
    expect(judgeEkCertificate(st, options)).toMatchObject(ST);
  });

  test('and under the root above, with the intermediate shown', () => {
    const issuers = [vectorCertificate('ek-certificates/STM_RSA_05I.pem')];
    const root = { anchors: [vectorPem('ek-certificates/STM_RSA_RT.pem')], issuers };
    expect(judgeEkCertificate(st, root)).toMatchObject(ST);
    const commonRoot = {
      anchors: [vectorPem('ek-certificates/GS_TPM_RT.pem')],
      issuers: [...issuers, vectorCertificate('ek-certificates/STM_RSA_RT.pem')],
    };
    expect(judgeEkCertificate(st, commonRoot)).toMatchObject(ST);
    expect(judgeEkCertificate(st, { ...commonRoot, issuers })).toBe('ek-chain-untrusted');
  });

  test('is refused after its last day', () => {
    expect(judgeEkCertificate(st, { ...options, now: new Date('2028-07-12T00:00:00Z') })).toBe('ek-chain-untrusted');
  });

  test('anything else than fill after it is refused', () => {
    const changed = Buffer.from(st);
    changed[1_599] = 0xfe;
    expect(() => judgeEkCertificate(changed, options)).toThrow(X509FormatError);
  });

  const node = labNode();
  const join = labJoin(node);
  const [certificate = new Uint8Array()] = node.ekCertificates;
  test.each([
    ['nothing', new Uint8Array(), 'accepted'],
    ['FF', Buffer.alloc(40, 0xff), 'accepted'],
    ['00', Buffer.alloc(40), 'accepted'],
    ['both', Buffer.of(0, 0xff), 'evidence-malformed'],
    ['something', Buffer.from('something'), 'evidence-malformed'],
    ['a second certificate', certificate, 'evidence-malformed'],
  ])('in a join: followed by %s', (_, fill, expected) => {
    const ekCertificates = [concatBytes(certificate, fill)];
    expect(verdict({ ...join, challenge: { ...join.challenge, ekCertificates } })).toBe(expected);
  });
});
