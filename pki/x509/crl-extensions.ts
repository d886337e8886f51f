import type { Bytes } from '#core/bytes.ts';

import type { DerReader } from './der-reader.ts';
import { contextPrimitive, TAG } from './der-tags.ts';
import { type DistributionPointName, readDistributionPointName } from './distribution-point.ts';
import { type Extension, readExtensions } from './extension.ts';
import { type AuthorityKeyIdentifier, readAltNames, readAuthorityKeyIdentifier } from './key-extensions.ts';
import { EXTENSION } from './oids.ts';
import { reasonsOf, type RevocationReasons } from './reason-flags.ts';

/** What a CRL covers (RFC 5280 §5.2.5). */
export interface IssuingDistributionPoint {
  readonly name: DistributionPointName | undefined;
  readonly only: 'user-certificates' | 'ca-certificates' | 'attribute-certificates' | undefined;
  /** Undefined means every reason. */
  readonly reasons: RevocationReasons | undefined;
  readonly isIndirect: boolean;
}

/** The extensions of a CRL; a field is undefined when its extension is absent. */
export interface CrlExtensions {
  /** Every extension by type, those without a field here included. */
  readonly all: ReadonlyMap<string, Extension>;
  readonly authorityKeyIdentifier?: AuthorityKeyIdentifier;
  /** INTEGER magnitude, at most 20 bytes. */
  readonly crlNumber?: Bytes;
  readonly issuingDistributionPoint?: IssuingDistributionPoint;
  /** The list holds changes to an earlier one only. */
  readonly isDelta: boolean;
  /** Changes to this list are published apart. */
  readonly hasFreshestCrl: boolean;
}

export const NO_CRL_EXTENSIONS: CrlExtensions = { all: new Map(), isDelta: false, hasFreshestCrl: false };

const CRL_NUMBER_MAX_BYTES = 20;
const REASON_MAX = 10;
/** CRLReason 7 is not used. */
const UNUSED_REASON = 7;

type Parsed = { -readonly [Field in keyof CrlExtensions]: CrlExtensions[Field] };

/** All of `reader` as the extensions of a CRL, and the OID of the first critical one that is not read here. Throws X509FormatError. */
export function readCrlExtensions(reader: DerReader): {
  readonly extensions: CrlExtensions;
  readonly unknownCritical: string | undefined;
} {
  const into: Parsed = { ...NO_CRL_EXTENSIONS };
  const known = new Set<string>();
  const all = readExtensions(reader, (oid, value) => {
    if (readCrlExtension(oid, value, into) === undefined) return undefined;
    known.add(oid);
    return true;
  });
  return { extensions: { ...into, all }, unknownCritical: criticalOutside(all, known) };
}

function readCrlExtension(oid: string, value: DerReader, into: Parsed): true | undefined {
  switch (oid) {
    case EXTENSION.authorityKeyIdentifier:
      into.authorityKeyIdentifier = readAuthorityKeyIdentifier(value);
      return true;
    case EXTENSION.issuerAltName:
      readAltNames(value);
      return true;
    case EXTENSION.crlNumber:
      into.crlNumber = readCrlNumber(value);
      return true;
    case EXTENSION.deltaCrlIndicator:
      readCrlNumber(value);
      into.isDelta = true;
      return true;
    case EXTENSION.issuingDistributionPoint:
      into.issuingDistributionPoint = readIssuingDistributionPoint(value);
      return true;
    case EXTENSION.freshestCrl:
      into.hasFreshestCrl = true;
      return undefined;
    default:
      return undefined;
  }
}

/** All of `reader` as the extensions of one entry: its reason, and the OID of the first critical extension that is not read here. */
export function readEntryExtensions(reader: DerReader): {
  readonly reason: number | undefined;
  readonly unknownCritical: string | undefined;
} {
  let reason: number | undefined;
  const known = new Set<string>([EXTENSION.reasonCode, EXTENSION.invalidityDate]);
  const all = readExtensions(reader, (oid, value) => {
    if (oid === EXTENSION.reasonCode) reason = readReason(value);
    else if (oid === EXTENSION.invalidityDate) value.time();
    else return undefined;
    return true;
  });
  // An entry for another issuer's certificate belongs to an indirect CRL, critical or not.
  const unknownCritical = all.has(EXTENSION.certificateIssuer) ? EXTENSION.certificateIssuer : undefined;
  return { reason, unknownCritical: unknownCritical ?? criticalOutside(all, known) };
}

function criticalOutside(all: ReadonlyMap<string, Extension>, known: ReadonlySet<string>): string | undefined {
  for (const { oid, critical } of all.values()) if (critical && !known.has(oid)) return oid;
  return undefined;
}

function readCrlNumber(value: DerReader): Bytes {
  const start = value.offset;
  const number = value.unsignedInteger();
  if (number.byteLength > CRL_NUMBER_MAX_BYTES) throw value.fail('too-large', start);
  return number;
}

function readReason(value: DerReader): number {
  const start = value.offset;
  const reason = value.smallInteger(REASON_MAX, TAG.enumerated);
  if (reason === UNUSED_REASON) throw value.fail('bad-value', start);
  return reason;
}

/** Throws on one that says nothing, and on one that limits itself to two kinds of certificate at once. */
function readIssuingDistributionPoint(reader: DerReader): IssuingDistributionPoint {
  const inner = reader.sequence('IssuingDistributionPoint');
  if (inner.remaining === 0) throw inner.fail('bad-value');
  const name = readDistributionPointName(inner, 0);
  const onlyUser = readFlag(inner, 1);
  const onlyCa = readFlag(inner, 2);
  const reasons = inner.next(contextPrimitive(3)) ? reasonsOf(inner, 3) : undefined;
  const isIndirect = readFlag(inner, 4);
  const onlyAttribute = readFlag(inner, 5);
  inner.end();
  if (Number(onlyUser) + Number(onlyCa) + Number(onlyAttribute) > 1) throw inner.fail('bad-value');
  const only = onlyUser
    ? 'user-certificates'
    : onlyCa
      ? 'ca-certificates'
      : onlyAttribute
        ? 'attribute-certificates'
        : undefined;
  return { name, only, reasons, isIndirect };
}

/** `[number] IMPLICIT BOOLEAN DEFAULT FALSE`. */
function readFlag(reader: DerReader, number: number): boolean {
  const tag = contextPrimitive(number);
  if (!reader.next(tag)) return false;
  const start = reader.offset;
  const content = reader.content(tag);
  if (content.byteLength !== 1 || content[0] !== 0xff) throw reader.fail('not-canonical', start);
  return true;
}
