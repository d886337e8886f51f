import { describe, expect, test } from 'vitest';

import { systemRandom } from '#core/random.ts';
import { buildActivation } from '#attestation/tpm2/activation.ts';
import { OBJECT_ATTRIBUTE } from '#tpm2/constants.ts';
import { verdict } from '#test/lab/tpm-appraisal.ts';
import { labJoin, labNode } from '#test/lab/tpm-evidence.ts';
import { labTpm } from '#test/lab/software-tpm.ts';

const BIT = OBJECT_ATTRIBUTE;

describe('T08 an AK whose attributes leave a way out', () => {
  const ROWS: readonly [string, (attributes: number) => number, string][] = [
    ['as it should be', (bits) => bits, 'accepted'],
    ['without fixedTPM', (bits) => bits & ~BIT.fixedTpm, 'ak-attributes-unsafe'],
    ['without fixedParent', (bits) => bits & ~BIT.fixedParent, 'ak-attributes-unsafe'],
    ['made outside the TPM', (bits) => bits & ~BIT.sensitiveDataOrigin, 'ak-attributes-unsafe'],
    ['with decrypt', (bits) => bits | BIT.decrypt, 'ak-attributes-unsafe'],
    ['with encryptedDuplication', (bits) => bits | BIT.encryptedDuplication, 'ak-attributes-unsafe'],
    ['without sign', (bits) => bits & ~BIT.sign, 'ak-attributes-unsafe'],
  ];

  test.each(ROWS)('%s', (_, edit, expected) => {
    const tpm = labTpm({ editAk: (area) => ({ ...area, attributes: edit(area.attributes) }) });
    expect(verdict(labJoin(labNode({ tpm })))).toBe(expected);
    const activation = buildActivation({ ekPublic: tpm.ekPublic, akPublic: tpm.akPublic, random: systemRandom });
    expect(activation.ok ? 'accepted' : activation.denial.code).toBe(expected);
  });

  test('attributes changed on the way change the Name, and the activation fails', () => {
    const { tpm } = labNode();
    const lying = { ...tpm.akArea, attributes: tpm.akArea.attributes | BIT.noDa };
    const twin = labTpm({ editAk: () => lying });
    const made = buildActivation({ ekPublic: tpm.ekPublic, akPublic: twin.akPublic, random: systemRandom });
    if (!made.ok) throw new Error(made.denial.code);
    expect(() => tpm.activateCredential(made.credentialBlob, made.encryptedSecret)).toThrow('TPM_RC_INTEGRITY');
  });
});
