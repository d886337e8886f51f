import { generateKeyPairSync, type KeyObject } from 'node:crypto';

import { fromBase64Url } from '#core/bytes.ts';
import { type EkTemplateId, templatePublic } from '#tpm2/ek-template.ts';
import { ALG, CURVE, type CurveName, OBJECT_ATTRIBUTE } from '#tpm2/constants.ts';
import type { PublicArea } from '#tpm2/public-area.ts';

/** A key inside the software TPM: both halves, and the public area that names it. */
export interface LabKey {
  readonly privateKey: KeyObject;
  readonly area: PublicArea;
}

export type LabEkKind = 'rsa' | 'p256' | 'p384';
export type LabAkKind = 'p256' | 'p384' | 'rsassa' | 'rsapss';

const EK_TEMPLATE: Readonly<Record<LabEkKind, EkTemplateId>> = { rsa: 'L-1', p256: 'L-2', p384: 'H-3' };
const EK_CURVE: Readonly<Record<Exclude<LabEkKind, 'rsa'>, CurveName>> = { p256: 'P-256', p384: 'P-384' };

/** An EK as TPM2_CreatePrimary makes it from the template of its kind. */
export function createEndorsementKey(kind: LabEkKind): LabKey {
  const template = templatePublic(EK_TEMPLATE[kind]);
  return kind === 'rsa' ? withRsaKey(template) : withEccKey(template, EK_CURVE[kind]);
}

/** The attributes that the agent asks for: everything an attestation key must have and nothing else. */
export const AK_ATTRIBUTES =
  OBJECT_ATTRIBUTE.fixedTpm |
  OBJECT_ATTRIBUTE.fixedParent |
  OBJECT_ATTRIBUTE.sensitiveDataOrigin |
  OBJECT_ATTRIBUTE.userWithAuth |
  OBJECT_ATTRIBUTE.restricted |
  OBJECT_ATTRIBUTE.sign;

const NO_POLICY = new Uint8Array();
const NULL = { kind: 'null' } as const;

/** An AK of the given kind. `edit` changes the public area after the key is in it: the one wrong thing. */
export function createAttestationKey(kind: LabAkKind, edit: (area: PublicArea) => PublicArea = same): LabKey {
  const base = {
    nameAlg: kind === 'p384' ? 'sha384' : 'sha256',
    attributes: AK_ATTRIBUTES,
    authPolicy: NO_POLICY,
  } as const;
  const key =
    kind === 'rsassa' || kind === 'rsapss'
      ? withRsaKey({
          type: 'rsa',
          ...base,
          symmetric: NULL,
          scheme: { kind, hash: 'sha256' },
          keyBits: 2048,
          exponent: 0,
          modulus: NO_POLICY,
        })
      : withEccKey(
          {
            type: 'ecc',
            ...base,
            symmetric: NULL,
            scheme: { kind: 'ecdsa', hash: base.nameAlg },
            curve: EK_CURVE[kind],
            kdf: NULL,
            x: NO_POLICY,
            y: NO_POLICY,
          },
          EK_CURVE[kind],
        );
  return { privateKey: key.privateKey, area: edit(key.area) };
}

/** TPM_ALG_ID that a TPMT_SIGNATURE of this scheme begins with. */
export const SIGNATURE_ALG = { rsassa: ALG.rsassa, rsapss: ALG.rsapss, ecdsa: ALG.ecdsa } as const;

/** The area, known to be of an ECC key. */
export function eccArea(area: PublicArea): Extract<PublicArea, { type: 'ecc' }> {
  if (area.type !== 'ecc') throw new TypeError('not an ECC key');
  return area;
}

/** The area, known to be of an RSA key. */
export function rsaArea(area: PublicArea): Extract<PublicArea, { type: 'rsa' }> {
  if (area.type !== 'rsa') throw new TypeError('not an RSA key');
  return area;
}

const same = (area: PublicArea): PublicArea => area;

function withRsaKey(template: PublicArea): LabKey {
  const area = rsaArea(template);
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: area.keyBits });
  const { n = '' } = publicKey.export({ format: 'jwk' });
  return { privateKey, area: { ...area, modulus: fromBase64Url(n) } };
}

function withEccKey(template: PublicArea, curve: CurveName): LabKey {
  const area = eccArea(template);
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: CURVE[curve].openssl });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  return { privateKey, area: { ...area, x: fromBase64Url(x), y: fromBase64Url(y) } };
}
