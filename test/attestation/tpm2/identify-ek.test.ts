import { describe, expect, test } from 'vitest';

import { concatBytes } from '#core/bytes.ts';
import { identifyEk } from '#attestation/tpm2/identify-ek.ts';
import { labTpm } from '#test/lab/software-tpm.ts';

const tpm = labTpm();

describe('identifyEk', () => {
  test('gives the fingerprint of an EK’s key', () => {
    expect(identifyEk(tpm.ekPublic)).toEqual({ ok: true, fingerprint: tpm.ekFingerprint });
  });

  test('refuses a key that is not made from an EK’s template', () => {
    expect(identifyEk(tpm.akPublic)).toMatchObject({ ok: false, denial: { code: 'ek-template-unsafe' } });
  });

  test.each([
    ['nothing', new Uint8Array()],
    ['a public area that is cut', tpm.ekPublic.subarray(0, -1)],
    ['a public area with a byte after it', concatBytes(tpm.ekPublic, Buffer.of(0))],
  ])('refuses %s as malformed', (_what, bytes) => {
    expect(identifyEk(bytes)).toMatchObject({
      ok: false,
      denial: { code: 'evidence-malformed', detail: expect.stringContaining('TPMT_PUBLIC') },
    });
  });
});
