import { type DerReader } from './der-reader.ts';
import { contextConstructed, contextPrimitive } from './der-tags.ts';
import { type GeneralName, readGeneralNames } from './general-name.ts';
import { readRelativeName, type RelativeName } from './name.ts';
import { reasonsOf, type RevocationReasons } from './reason-flags.ts';

/** DistributionPointName (RFC 5280 §4.2.1.13): one of the two. */
export type DistributionPointName =
  | { readonly kind: 'fullName'; readonly names: readonly GeneralName[] }
  | { readonly kind: 'relativeName'; readonly relativeName: RelativeName };

/** DistributionPoint (RFC 5280 §4.2.1.13). */
export interface DistributionPoint {
  readonly name: DistributionPointName | undefined;
  /** Undefined means every reason. */
  readonly reasons: RevocationReasons | undefined;
  readonly crlIssuer: readonly GeneralName[] | undefined;
}

/** The value of a CRL distribution points extension: at least one point. */
export function readDistributionPoints(reader: DerReader): readonly DistributionPoint[] {
  const list = reader.sequence('CRLDistributionPoints');
  const points: DistributionPoint[] = [];
  do points.push(readDistributionPoint(list));
  while (list.remaining > 0);
  return points;
}

function readDistributionPoint(reader: DerReader): DistributionPoint {
  const inner = reader.sequence('DistributionPoint');
  const name = readDistributionPointName(inner, 0);
  const reasons = inner.next(contextPrimitive(1)) ? reasonsOf(inner, 1) : undefined;
  const issuer = inner.tagged(2);
  const crlIssuer = issuer === undefined ? undefined : readGeneralNames(issuer);
  inner.end();
  // RFC 5280 §4.2.1.13: a point of reasons alone names nothing.
  if (name === undefined && crlIssuer === undefined) throw inner.fail('bad-value');
  return { name, reasons, crlIssuer };
}

/** `[number] DistributionPointName OPTIONAL`; a CHOICE, so the tag is EXPLICIT. */
export function readDistributionPointName(reader: DerReader, number: number): DistributionPointName | undefined {
  const choice = reader.tagged(number, 'DistributionPointName');
  if (choice === undefined) return undefined;
  const name = readChoice(choice);
  choice.end();
  return name;
}

function readChoice(choice: DerReader): DistributionPointName {
  const fullName = choice.tagged(0);
  if (fullName !== undefined) return { kind: 'fullName', names: readGeneralNames(fullName) };
  return { kind: 'relativeName', relativeName: readRelativeName(choice, contextConstructed(1)) };
}
