import { describe, expect, test } from 'vitest';

import { fromHex } from '#core/bytes.ts';
import { readAttestationKey } from '#attestation/tpm2/attestation-key.ts';
import { OBJECT_ATTRIBUTE } from '#tpm2/constants.ts';
import { verdict } from '#test/lab/tpm-appraisal.ts';
import { labJoin, labNode } from '#test/lab/tpm-evidence.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { quoteVector, vectorAk } from '#test/lab/tpm-quote-vectors.ts';

describe('T07 a quote that the machine wrote itself, signed by a TPM key that signs anything', () => {
  test("a restricted AK's quote is accepted", () => {
    expect(verdict(labJoin(labNode()))).toBe('accepted');
    expect(vectorAk(quoteVector('ok_ecc'))).toHaveProperty('name');
  });

  test('an AK that lacks `restricted` is refused, however good its quote', () => {
    const tpm = labTpm({ editAk: (area) => ({ ...area, attributes: area.attributes & ~OBJECT_ATTRIBUTE.restricted }) });
    expect(verdict(labJoin(labNode({ tpm })))).toBe('ak-attributes-unsafe');
  });

  test('so is the one that forged a quote on a real TPM', () => {
    const forger = fromHex(quoteVector('forged_by_unrestricted_ak').akPublic);
    expect(readAttestationKey(forger)).toMatchObject({ code: 'ak-attributes-unsafe' });
  });
});
