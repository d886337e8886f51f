import type { KeyObject } from 'node:crypto';

import type { Bytes } from '#core/bytes.ts';
import { objectName } from '#tpm2/name.ts';
import { hasAnyAttribute, hasAttributes, parsePublicArea, type PublicArea } from '#tpm2/public-area.ts';
import { publicAreaKey } from '#tpm2/public-key.ts';

import type { Denial } from '../result.ts';

/** How an attestation key signs: its own explicit scheme, never the caller's choice. */
export interface AkScheme {
  readonly kind: 'rsassa' | 'rsapss' | 'ecdsa';
  readonly hash: 'sha256' | 'sha384';
}

/** A key that signs what its TPM vouches for and nothing else. Which TPM that is, `verifyResidency` says. */
export interface AttestationKey {
  readonly area: Extract<PublicArea, { type: 'rsa' | 'ecc' }>;
  /** TPM Name, computed here from the public area. */
  readonly name: Bytes;
  readonly nameAlg: 'sha256' | 'sha384';
  readonly key: KeyObject;
  readonly scheme: AkScheme;
}

const MIN_RSA_BITS = 2048;

/**
 * On return `akPublic` is, in this order,
 *  1. one canonical TPMT_PUBLIC of an RSA key of at least 2048 bits or of an ECC key on P-256 or P-384, named with SHA-256 or SHA-384;
 *  2. of a key that was made in a TPM, cannot leave it, and is restricted to signing: given a digest from outside, the TPM signs it
 *     only if it has seen that the data does not look like a structure of its own;
 *  3. with an explicit RSASSA, RSAPSS or ECDSA scheme and SHA-256 or SHA-384;
 *  4. a valid key (point on the curve; modulus of its size, exponent 65537).
 *
 * It does not establish that any TPM holds the key: until an activation succeeds, 2 is only what the caller says.
 * Throws Tpm2FormatError.
 */
export function readAttestationKey(akPublic: Bytes): AttestationKey | Denial {
  const area = parsePublicArea(akPublic);
  if (area.type === 'keyedhash') return unsafe('a keyed-hash object signs nothing that others can verify');
  const denial = checkAttributes(area) ?? checkSize(area);
  if (denial !== undefined) return denial;
  const { nameAlg } = area;
  if (nameAlg !== 'sha256' && nameAlg !== 'sha384') return { ...schemeRefused(area), detail: 'weak name algorithm' };
  const scheme = akScheme(area);
  if (scheme === undefined) return schemeRefused(area);
  return { area, name: objectName(akPublic, nameAlg), nameAlg, key: publicAreaKey(area), scheme };
}

function checkAttributes(area: PublicArea): Denial | undefined {
  if (!hasAttributes(area, 'fixedTpm', 'fixedParent', 'sensitiveDataOrigin')) {
    return unsafe('the AK may exist outside this TPM', area);
  }
  // Without `restricted` its owner can have any bytes signed, a hand-made TPMS_ATTEST among them (CVE-2021-3406).
  if (!hasAttributes(area, 'restricted', 'sign')) return unsafe('the AK is not restricted to signing', area);
  if (hasAnyAttribute(area, 'decrypt', 'encryptedDuplication', 'x509Sign')) {
    return unsafe('the AK has a second use', area);
  }
  return undefined;
}

function checkSize(area: AttestationKey['area']): Denial | undefined {
  const isStrong =
    area.type === 'rsa'
      ? area.keyBits >= MIN_RSA_BITS && (area.exponent === 0 || area.exponent === 65_537)
      : area.curve === 'P-256' || area.curve === 'P-384';
  return isStrong ? undefined : { ...schemeRefused(area), detail: 'key size, exponent or curve not allowed' };
}

function akScheme(area: AttestationKey['area']): AkScheme | undefined {
  const { symmetric, scheme } = area;
  if (symmetric.kind !== 'null' || (area.type === 'ecc' && area.kdf.kind !== 'null')) return undefined;
  // With scheme NULL the caller of TPM2_Quote would choose, SHA-1 for instance.
  if (scheme.kind !== 'rsassa' && scheme.kind !== 'rsapss' && scheme.kind !== 'ecdsa') return undefined;
  const { hash } = scheme;
  return hash === 'sha256' || hash === 'sha384' ? { kind: scheme.kind, hash } : undefined;
}

function unsafe(detail: string, area?: PublicArea): Denial {
  return { code: 'ak-attributes-unsafe', found: area?.attributes.toString(16).padStart(8, '0'), detail };
}

function schemeRefused(area: AttestationKey['area']): Denial {
  const hash = 'hash' in area.scheme ? `-${area.scheme.hash}` : '';
  return {
    code: 'ak-scheme-refused',
    expected: 'rsassa, rsapss or ecdsa with sha256 or sha384, explicit',
    found: `${area.type} ${area.scheme.kind}${hash}, name ${area.nameAlg}`,
  };
}
