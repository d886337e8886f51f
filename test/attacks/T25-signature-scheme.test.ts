import { createHmac } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import { ALG } from '#tpm2/constants.ts';
import { Writer } from '#tpm2/writer.ts';
import { verdict } from '#test/lab/tpm-appraisal.ts';
import { labJoin, labNode } from '#test/lab/tpm-evidence.ts';
import { labTpm } from '#test/lab/software-tpm.ts';

describe('T25 a signature of another scheme than the AK', () => {
  const ecc = labNode();
  const rsa = labNode({ tpm: labTpm({ ak: 'rsassa' }), ca: ecc.ca });
  const pss = labNode({ tpm: labTpm({ ak: 'rsapss' }), ca: ecc.ca });
  const other = labTpm({ ak: 'rsassa' });

  test.each([
    ['P-256', ecc],
    ['RSASSA', rsa],
    ['RSAPSS', pss],
  ])('an AK of %s is believed in its own scheme', (_, node) => {
    expect(verdict(labJoin(node))).toBe('accepted');
  });

  test.each([
    ['RSASSA for P-256', labJoin(ecc, { scheme: { kind: 'rsassa', hash: 'sha256' }, signer: other.akPrivateKey })],
    ['ECDSA for RSASSA', labJoin(rsa, { scheme: { kind: 'ecdsa', hash: 'sha256' }, signer: ecc.tpm.akPrivateKey })],
    ['RSAPSS for RSASSA', labJoin(rsa, { scheme: { kind: 'rsapss', hash: 'sha256' } })],
    ['RSASSA for RSAPSS', labJoin(pss, { scheme: { kind: 'rsassa', hash: 'sha256' } })],
    ['SHA-1 for SHA-256', labJoin(ecc, { scheme: { kind: 'ecdsa', hash: 'sha1' } })],
    ['SHA-384 for SHA-256', labJoin(ecc, { scheme: { kind: 'ecdsa', hash: 'sha384' } })],
    ['SHA-1 for SHA-256, RSA', labJoin(rsa, { scheme: { kind: 'rsassa', hash: 'sha1' } })],
  ])('%s is refused', (_, join) => {
    expect(verdict(join)).toBe('quote-signature-scheme-refused');
  });

  const join = labJoin(ecc);
  const withSignature = (signature: Bytes) => verdict({ ...join, evidence: { ...join.evidence, signature } });

  test('TPM_ALG_NULL, which signs nothing, is refused', () => {
    expect(withSignature(new Writer().u16(ALG.null).finish())).toBe('quote-signature-scheme-refused');
  });

  test('HMAC, under a key that the caller knows, is refused', () => {
    const mac = createHmac('sha256', '').update(join.evidence.quoted).digest();
    const hmac = new Writer().u16(ALG.hmac).u16(ALG.sha256).bytes(mac).finish();
    expect(withSignature(hmac)).toBe('quote-signature-scheme-refused');
  });

  test.each([ALG.ecdaa, ALG.sm2, ALG.ecschnorr])('the same numbers under scheme %i are refused', (scheme) => {
    const { signature } = join.evidence;
    expect(withSignature(Buffer.concat([Buffer.of(scheme >> 8, scheme & 0xff), signature.subarray(2)]))).toBe(
      'quote-signature-scheme-refused',
    );
  });
});
