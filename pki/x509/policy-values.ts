import { readElement } from './der-gate.ts';
import type { DerReader } from './der-reader.ts';
import { contextPrimitive } from './der-tags.ts';

/** anyPolicy (RFC 5280 §4.2.1.4). */
export const ANY_POLICY = '2.5.29.32.0';

const SKIP_CERTS_MAX = 0x7fffffff;

/** One PolicyInformation: the policy and the types of its qualifiers, which are not read further. */
export interface PolicyInformation {
  readonly policy: string;
  readonly qualifiers: readonly string[];
}

/** One row of a policy mappings extension (RFC 5280 §4.2.1.5). */
export interface PolicyMapping {
  readonly issuerDomainPolicy: string;
  readonly subjectDomainPolicy: string;
}

/** The value of a policy constraints extension (RFC 5280 §4.2.1.11). */
export interface PolicyConstraints {
  readonly requireExplicitPolicy: number | undefined;
  readonly inhibitPolicyMapping: number | undefined;
}

/** The value of a certificate policies extension: at least one policy, none twice. */
export function readCertificatePolicies(reader: DerReader): readonly PolicyInformation[] {
  const list = reader.sequence('CertificatePolicies');
  const policies: PolicyInformation[] = [];
  const seen = new Set<string>();
  do {
    const start = list.offset;
    const inner = list.sequence('PolicyInformation');
    const policy = inner.oid();
    if (seen.has(policy)) throw list.fail('duplicate', start);
    seen.add(policy);
    policies.push({ policy, qualifiers: inner.remaining > 0 ? readQualifiers(inner) : [] });
    inner.end();
  } while (list.remaining > 0);
  return policies;
}

function readQualifiers(reader: DerReader): readonly string[] {
  const list = reader.sequence('PolicyQualifiers');
  const qualifiers: string[] = [];
  do {
    const info = list.sequence('PolicyQualifierInfo');
    qualifiers.push(info.oid());
    readElement(info);
    info.end();
  } while (list.remaining > 0);
  return qualifiers;
}

/** The value of a policy mappings extension: at least one row. That no row names anyPolicy is for path validation to check. */
export function readPolicyMappings(reader: DerReader): readonly PolicyMapping[] {
  const list = reader.sequence('PolicyMappings');
  const mappings: PolicyMapping[] = [];
  do {
    const row = list.sequence('PolicyMapping');
    mappings.push({ issuerDomainPolicy: row.oid(), subjectDomainPolicy: row.oid() });
    row.end();
  } while (list.remaining > 0);
  return mappings;
}

/** The value of a policy constraints extension: not empty. */
export function readPolicyConstraints(reader: DerReader): PolicyConstraints {
  const inner = reader.sequence('PolicyConstraints');
  if (inner.remaining === 0) throw inner.fail('bad-value');
  const requireExplicitPolicy = readSkipCerts(inner, 0);
  const inhibitPolicyMapping = readSkipCerts(inner, 1);
  inner.end();
  return { requireExplicitPolicy, inhibitPolicyMapping };
}

function readSkipCerts(reader: DerReader, number: number): number | undefined {
  const tag = contextPrimitive(number);
  return reader.next(tag) ? reader.smallInteger(SKIP_CERTS_MAX, tag) : undefined;
}

/** The value of an inhibit anyPolicy extension. */
export const readInhibitAnyPolicy = (reader: DerReader): number => reader.smallInteger(SKIP_CERTS_MAX);
