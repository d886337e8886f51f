import { describe, expect, test } from 'vitest';

import { type Bytes, concatBytes, fromHex } from '#core/bytes.ts';
import { ALG, CURVE } from '#tpm2/constants.ts';
import { parseSignature } from '#tpm2/signature.ts';
import { Writer } from '#tpm2/writer.ts';
import { verdict } from '#test/lab/tpm-appraisal.ts';
import { labEvidence, labJoin, labNode } from '#test/lab/tpm-evidence.ts';
import { labTpm } from '#test/lab/software-tpm.ts';

describe('T26 a signature in another form than its one', () => {
  const ecc = labJoin(labNode());
  const { r, s } = pairOf(ecc.evidence.signature);
  const order = fromHex(CURVE['P-256'].order.toString(16));
  const zero = new Uint8Array(32);
  const ecdsa = (first: Bytes, second: Bytes, ...rest: readonly Bytes[]) =>
    concatBytes(new Writer().u16(ALG.ecdsa).u16(ALG.sha256).sized(first).sized(second).finish(), ...rest);

  test.each([
    ['as the TPM made it', ecdsa(r, s), 'accepted'],
    ['r = 0', ecdsa(zero, s), 'evidence-malformed'],
    ['s = 0', ecdsa(r, zero), 'evidence-malformed'],
    ['r and s empty', ecdsa(new Uint8Array(), new Uint8Array()), 'evidence-malformed'],
    ['r = n', ecdsa(order, s), 'evidence-malformed'],
    ['s = n', ecdsa(r, order), 'evidence-malformed'],
    ['r a byte too long', ecdsa(concatBytes(Buffer.of(0), r), s), 'evidence-malformed'],
    ['r and s exchanged', ecdsa(s, r), 'quote-signature-invalid'],
    ['a byte after it', ecdsa(r, s, Buffer.of(0)), 'evidence-malformed'],
    ['cut short', ecdsa(r, s).subarray(0, -1), 'evidence-malformed'],
    ['empty', new Uint8Array(), 'evidence-malformed'],
  ])('ECDSA, %s', (_, signature, expected) => {
    expect(verdict({ ...ecc, evidence: { ...ecc.evidence, signature } })).toBe(expected);
  });

  const rsa = labJoin(labNode({ tpm: labTpm({ ak: 'rsassa' }) }));
  const whole = rsa.evidence.signature.subarray(6);
  const rsassa = (signature: Bytes) => new Writer().u16(ALG.rsassa).u16(ALG.sha256).sized(signature).finish();

  test.each([
    ['as the TPM made it', rsassa(whole), 'accepted'],
    ['a zero byte before it', rsassa(concatBytes(Buffer.of(0), whole)), 'quote-signature-invalid'],
    ['a byte after it', rsassa(concatBytes(whole, Buffer.of(0))), 'quote-signature-invalid'],
    ['a byte short', rsassa(whole.subarray(1)), 'quote-signature-invalid'],
    ['zero', rsassa(new Uint8Array(256)), 'quote-signature-invalid'],
    ['one', rsassa(concatBytes(new Uint8Array(255), Buffer.of(1))), 'quote-signature-invalid'],
    ['longer than any modulus', rsassa(new Uint8Array(513)), 'evidence-malformed'],
    ['empty', rsassa(new Uint8Array()), 'quote-signature-invalid'],
  ])('RSASSA, %s', (_, signature, expected) => {
    expect(verdict({ ...rsa, evidence: { ...rsa.evidence, signature } })).toBe(expected);
  });

  test('RSAPSS without its leading zero byte is refused, though OpenSSL would take it', () => {
    const node = labNode({ tpm: labTpm({ ak: 'rsapss' }) });
    const join = labJoin(node);
    const leadingZero = (): Bytes => {
      for (;;) {
        const { signature } = labEvidence(node, join.challenge);
        if (signature[6] === 0) return signature.subarray(6);
      }
    };
    const signature = leadingZero();
    const rsapss = (bytes: Bytes) => new Writer().u16(ALG.rsapss).u16(ALG.sha256).sized(bytes).finish();
    const outcome = (bytes: Bytes) => verdict({ ...join, evidence: { ...join.evidence, signature: rsapss(bytes) } });
    expect(outcome(signature)).toBe('accepted');
    expect(outcome(signature.subarray(1))).toBe('quote-signature-invalid');
  });

  test('a byte after the quote itself is refused, with a signature over both', () => {
    const tail = labJoin(labNode(), { tail: Buffer.of(0) });
    expect(verdict(tail)).toBe('evidence-malformed');
  });
});

function pairOf(signature: Bytes): { r: Bytes; s: Bytes } {
  const parsed = parseSignature(signature);
  if (parsed.scheme !== 'ecdsa') throw new TypeError('not ECDSA');
  return parsed;
}
