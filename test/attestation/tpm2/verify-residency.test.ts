import { describe, expect, test } from 'vitest';

import { type Bytes, toHex } from '#core/bytes.ts';
import { isDenial } from '#attestation/denial.ts';
import { checkHierarchy, type Residency, verifyResidency } from '#attestation/tpm2/verify-residency.ts';
import { type PublicArea, writePublicArea } from '#tpm2/public-area.ts';
import { RH } from '#tpm2/constants.ts';
import { qualifiedName } from '#tpm2/name.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { AK_ATTRIBUTES, eccArea } from '#test/lab/tpm-keys.ts';

const SECRET = Buffer.alloc(32, 1);
const tpm = labTpm();

const residencyOf = (ekPublic: Bytes, akPublic: Bytes): Residency => {
  const residency = verifyResidency({ ekPublic, akPublic, expectedSecret: SECRET, activationSecret: SECRET });
  if (isDenial(residency)) throw new Error(residency.code);
  return residency;
};

describe('verifying residency', () => {
  test('returns both keys, with the Names that their TPM computes', () => {
    const { ek, ak } = residencyOf(tpm.ekPublic, tpm.akPublic);
    expect(ek.fingerprint).toBe(tpm.ekFingerprint);
    expect(toHex(ak.name)).toBe(toHex(tpm.akName));
  });

  test('refuses an AK that is the EK with other attributes', () => {
    const { x, y } = eccArea(tpm.ekArea);
    const area: PublicArea = { ...eccArea(tpm.akArea), attributes: AK_ATTRIBUTES, x, y };
    const outcome = verifyResidency({
      ekPublic: tpm.ekPublic,
      akPublic: writePublicArea(area),
      expectedSecret: SECRET,
      activationSecret: SECRET,
    });
    expect(outcome).toMatchObject({ code: 'ak-attributes-unsafe', detail: 'the AK is the EK' });
  });
});

describe('the hierarchy that a Qualified Name shows', () => {
  const residency = residencyOf(tpm.ekPublic, tpm.akPublic);
  const { ek, ak } = residency;
  const ekQualified = qualifiedName(RH.endorsement, ek.name, 'sha256');
  const stranger = residencyOf(labTpm().ekPublic, labTpm().akPublic);

  test.each([
    ['a primary of the endorsement hierarchy', qualifiedName(RH.endorsement, ak.name, 'sha256'), undefined],
    ['a child of the EK', qualifiedName(ekQualified, ak.name, 'sha256'), undefined],
    ['a primary of the owner hierarchy', qualifiedName(RH.owner, ak.name, 'sha256'), 'ak-not-in-endorsement-hierarchy'],
    ['a primary of the null hierarchy', qualifiedName(RH.null, ak.name, 'sha256'), 'ak-not-in-endorsement-hierarchy'],
    [
      'a primary of the platform hierarchy',
      qualifiedName(RH.platform, ak.name, 'sha256'),
      'ak-not-in-endorsement-hierarchy',
    ],
    ['another AK', qualifiedName(RH.endorsement, stranger.ak.name, 'sha256'), 'ak-not-in-endorsement-hierarchy'],
    [
      'a child of another EK',
      qualifiedName(qualifiedName(RH.endorsement, stranger.ek.name, 'sha256'), ak.name, 'sha256'),
      'ak-not-in-endorsement-hierarchy',
    ],
    ['the Name itself', ak.name, 'ak-not-in-endorsement-hierarchy'],
    ['nothing', new Uint8Array(), 'ak-not-in-endorsement-hierarchy'],
  ])('%s', (_, qualifiedSigner, expected) => {
    expect(checkHierarchy(residency, qualifiedSigner)?.code).toBe(expected);
  });
});
