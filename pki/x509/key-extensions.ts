import type { Bytes } from '#core/bytes.ts';

import type { DerReader } from './der-reader.ts';
import { contextConstructed, contextPrimitive, TAG } from './der-tags.ts';
import { type GeneralName, readGeneralNames } from './general-name.ts';
import { namedBitsOf } from './reason-flags.ts';

const KEY_USAGE_BITS = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const;

/** A bit of the key usage extension, in the order of RFC 5280 §4.2.1.3. */
export type KeyUsage = (typeof KEY_USAGE_BITS)[number];

/** The bit's number, for writing it. */
export const keyUsageBit = (usage: KeyUsage): number => KEY_USAGE_BITS.indexOf(usage);

/** The value of a basic constraints extension. */
export interface BasicConstraints {
  readonly ca: boolean;
  readonly pathLength: number | undefined;
}

/** The value of an authority key identifier extension. `issuer` and `serial` (INTEGER content) come together or not at all. */
export interface AuthorityKeyIdentifier {
  readonly keyIdentifier: Bytes | undefined;
  readonly issuer: readonly GeneralName[] | undefined;
  readonly serial: Bytes | undefined;
}

const PATH_LENGTH_MAX = 0x7fffffff;

/** The value of a basic constraints extension. A path length without CA:TRUE is read, and left for validation to refuse. */
export function readBasicConstraints(reader: DerReader): BasicConstraints {
  const inner = reader.sequence('BasicConstraints');
  const ca = inner.booleanDefaultFalse();
  const pathLength = inner.next(TAG.integer) ? inner.smallInteger(PATH_LENGTH_MAX) : undefined;
  inner.end();
  return { ca, pathLength };
}

/** The value of a key usage extension: at least one bit, none unknown. */
export function readKeyUsage(reader: DerReader): ReadonlySet<KeyUsage> {
  const start = reader.offset;
  const usages = new Set<KeyUsage>();
  for (const bit of namedBitsOf(reader, TAG.bitString)) {
    const usage = KEY_USAGE_BITS[bit];
    if (usage === undefined) throw reader.fail('bad-value', start);
    usages.add(usage);
  }
  return usages;
}

/** The value of an extended key usage extension: at least one purpose, none twice. */
export function readExtendedKeyUsage(reader: DerReader): ReadonlySet<string> {
  const list = reader.sequence('ExtKeyUsageSyntax');
  const purposes = new Set<string>();
  do {
    const start = list.offset;
    const purpose = list.oid();
    if (purposes.has(purpose)) throw list.fail('duplicate', start);
    purposes.add(purpose);
  } while (list.remaining > 0);
  return purposes;
}

/** The value of a subject (or issuer) alternative name extension: at least one name, addresses of 4 or 16 bytes. */
export function readAltNames(reader: DerReader): readonly GeneralName[] {
  const names = readGeneralNames(reader.sequence('GeneralNames'));
  for (const name of names) {
    if (name.kind !== 'iPAddress') continue;
    if (name.address.byteLength !== 4 && name.address.byteLength !== 16) throw reader.fail('bad-value');
  }
  return names;
}

/** The value of an authority key identifier extension. */
export function readAuthorityKeyIdentifier(reader: DerReader): AuthorityKeyIdentifier {
  const inner = reader.sequence('AuthorityKeyIdentifier');
  const keyIdentifier = inner.next(contextPrimitive(0)) ? inner.content(contextPrimitive(0)) : undefined;
  const names = inner.insideOptional(contextConstructed(1));
  const issuer = names === undefined ? undefined : readGeneralNames(names);
  const serial = inner.next(contextPrimitive(2)) ? inner.integerBytes(contextPrimitive(2)) : undefined;
  inner.end();
  if ((issuer === undefined) !== (serial === undefined)) throw inner.fail('bad-value');
  return { keyIdentifier, issuer, serial };
}
