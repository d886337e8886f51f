import { type Bytes, fromHex, toHex } from '#core/bytes.ts';
import type { HashName } from '#core/digest.ts';

import { CURVE, type CurveName, OBJECT_ATTRIBUTE } from './constants.ts';
import { type PublicArea, writePublicArea } from './public-area.ts';

/** EK templates of the TCG EK Credential Profile. H-5 (SM2 with SM3) is not among them: this system does not compute SM3. */
export type EkTemplateId = 'L-1' | 'L-2' | 'H-1' | 'H-2' | 'H-3' | 'H-4' | 'H-6' | 'H-7';

/** The public key of an EK certificate. */
export type EkKey =
  | { readonly type: 'rsa'; readonly modulus: Bytes; readonly exponent: number }
  | { readonly type: 'ecc'; readonly curve: CurveName; readonly x: Bytes; readonly y: Bytes };

type EkNameAlg = Exclude<HashName, 'sha1'>;

interface EkTemplate {
  readonly key:
    | { readonly type: 'rsa'; readonly keyBits: number }
    | { readonly type: 'ecc'; readonly curve: CurveName };
  readonly nameAlg: EkNameAlg;
  readonly aesBits: 128 | 256;
  /** Low range: PolicyA and no password. High range: PolicyB, and usable with its empty password. */
  readonly range: 'low' | 'high';
}

const EK_TEMPLATE: Readonly<Record<EkTemplateId, EkTemplate>> = {
  'L-1': { key: { type: 'rsa', keyBits: 2048 }, nameAlg: 'sha256', aesBits: 128, range: 'low' },
  'L-2': { key: { type: 'ecc', curve: 'P-256' }, nameAlg: 'sha256', aesBits: 128, range: 'low' },
  'H-1': { key: { type: 'rsa', keyBits: 2048 }, nameAlg: 'sha256', aesBits: 128, range: 'high' },
  'H-2': { key: { type: 'ecc', curve: 'P-256' }, nameAlg: 'sha256', aesBits: 128, range: 'high' },
  'H-3': { key: { type: 'ecc', curve: 'P-384' }, nameAlg: 'sha384', aesBits: 256, range: 'high' },
  'H-4': { key: { type: 'ecc', curve: 'P-521' }, nameAlg: 'sha512', aesBits: 256, range: 'high' },
  'H-6': { key: { type: 'rsa', keyBits: 3072 }, nameAlg: 'sha384', aesBits: 256, range: 'high' },
  'H-7': { key: { type: 'rsa', keyBits: 4096 }, nameAlg: 'sha384', aesBits: 256, range: 'high' },
};

/** Every template, the low range first. */
export const EK_TEMPLATE_IDS: readonly EkTemplateId[] = ['L-1', 'L-2', 'H-1', 'H-2', 'H-3', 'H-4', 'H-6', 'H-7'];

/** PolicySecret(TPM_RH_ENDORSEMENT). */
const POLICY_A = fromHex('837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa');

/** PolicyOR(PolicyA, PolicyAuthorizeNV), in the nameAlgs that the high range uses. */
const POLICY_B: Readonly<Record<EkNameAlg, Bytes>> = {
  sha256: fromHex('ca3d0a99a2b93906f7a3342414efcfb3a385d44cd1fd459089d19b5071c0b7a0'),
  sha384: fromHex('b26e7d28d11a50bc53d882bcf5fd3a1a074148bb35d3b4e4cb1c0ad9bde419cacb47ba09699646150f9fc000f3f80e12'),
  sha512: fromHex(
    'b8221ca69e8550a4914de3faa6a18c072cc01208073a928d5d66d59ef79e49a429c41a6b269571d57edb25fbdb1838425608b413cd616a5f6db5b6071af99bea',
  ),
};

const LOW_ATTRIBUTES =
  OBJECT_ATTRIBUTE.fixedTpm |
  OBJECT_ATTRIBUTE.fixedParent |
  OBJECT_ATTRIBUTE.sensitiveDataOrigin |
  OBJECT_ATTRIBUTE.adminWithPolicy |
  OBJECT_ATTRIBUTE.restricted |
  OBJECT_ATTRIBUTE.decrypt;

/**
 * The template for TPM2_CreatePrimary. `nonce` is the content of the EK nonce NV index, if the TPM has one: it stands at the left of the
 * unique field, which zeros fill up. Throws RangeError if it does not fit.
 */
export function templatePublic(id: EkTemplateId, nonce: Bytes = new Uint8Array()): PublicArea {
  const template = EK_TEMPLATE[id];
  const { key, range } = template;
  const size = key.type === 'rsa' ? key.keyBits / 8 : CURVE[key.curve].size;
  const fill = range === 'low' || nonce.byteLength > 0 ? size : 0;
  const unique = new Uint8Array(fill);
  unique.set(nonce);
  if (key.type === 'rsa') return rsaArea(template, key.keyBits, unique);
  return eccArea(template, key.curve, { x: unique, y: new Uint8Array(fill) });
}

/**
 * The EK public area of a TPM that made the key of an EK certificate from template `id`; undefined if the key's type, size or exponent is
 * not the template's. Its Name is the one the TPM computes only if that is how the TPM made it: MakeCredential fails safe otherwise.
 */
export function ekPublicFromKey(id: EkTemplateId, ekKey: EkKey): PublicArea | undefined {
  const template = EK_TEMPLATE[id];
  const { key } = template;
  if (key.type === 'rsa') {
    const fits = ekKey.type === 'rsa' && ekKey.modulus.byteLength * 8 === key.keyBits && ekKey.exponent === 65537;
    return fits ? rsaArea(template, key.keyBits, ekKey.modulus) : undefined;
  }
  const fits = ekKey.type === 'ecc' && ekKey.curve === key.curve;
  return fits ? eccArea(template, key.curve, ekKey) : undefined;
}

/** The template that `area` was made from: everything in it but its unique field is exactly the template's. */
export function matchEkTemplate(area: PublicArea): EkTemplateId | undefined {
  return TEMPLATE_BY_FORM.get(formOf(area));
}

/** The templates whose key has the type and size of `ekKey`. */
export function templatesForKey(ekKey: EkKey): readonly EkTemplateId[] {
  return EK_TEMPLATE_IDS.filter((id) => ekPublicFromKey(id, ekKey) !== undefined);
}

/**
 * True for an EK of the low range: only a policy session with PolicySecret(TPM_RH_ENDORSEMENT) authorises its use. One of the high range
 * takes its empty password.
 */
export function ekNeedsPolicySession(area: PublicArea): boolean {
  return toHex(area.authPolicy) === toHex(POLICY_A) && (area.attributes & OBJECT_ATTRIBUTE.userWithAuth) === 0;
}

function base({ nameAlg, aesBits, range }: EkTemplate) {
  return {
    nameAlg,
    attributes: range === 'low' ? LOW_ATTRIBUTES : LOW_ATTRIBUTES | OBJECT_ATTRIBUTE.userWithAuth,
    authPolicy: range === 'low' ? POLICY_A : POLICY_B[nameAlg],
    symmetric: { kind: 'aes-cfb', keyBits: aesBits },
    scheme: { kind: 'null' },
  } as const;
}

function rsaArea(template: EkTemplate, keyBits: number, modulus: Bytes): PublicArea {
  return { type: 'rsa', ...base(template), keyBits, exponent: 0, modulus };
}

function eccArea(
  template: EkTemplate,
  curve: CurveName,
  { x, y }: { readonly x: Bytes; readonly y: Bytes },
): PublicArea {
  return { type: 'ecc', ...base(template), curve, kdf: { kind: 'null' }, x, y };
}

/** The encoding of `area` with its unique field empty, as hex. */
function formOf(area: PublicArea): string {
  const none = new Uint8Array();
  switch (area.type) {
    case 'rsa':
      return toHex(writePublicArea({ ...area, modulus: none }));
    case 'ecc':
      return toHex(writePublicArea({ ...area, x: none, y: none }));
    case 'keyedhash':
      return toHex(writePublicArea({ ...area, unique: none }));
  }
}

const TEMPLATE_BY_FORM: ReadonlyMap<string, EkTemplateId> = new Map(
  EK_TEMPLATE_IDS.map((id) => [formOf(templatePublic(id)), id]),
);
