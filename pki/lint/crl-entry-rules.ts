import { LISTED_REASONS } from '#core/revocation-reason.ts';

import { DerReader } from '../x509/der-reader.ts';
import { TAG } from '../x509/der-tags.ts';
import { X509FormatError } from '../x509/format-error.ts';
import { EXTENSION } from '../x509/oids.ts';
import type { CrlEntryView } from './crl-view.ts';
import { broken, type Rule } from './rule.ts';

/** CRLReason: 0 to 10 without 7 (RFC 5280 §5.3.1). */
const DEFINED = new Set([0, 1, 2, 3, 4, 5, 6, 8, 9, 10]);
const REMOVE_FROM_CRL = 8;
const UNSPECIFIED = 0;
/** When RFC 2459, the first profile of CRLs, appeared. */
const EARLIEST = new Date('1999-01-01T00:00:00Z');

/** The CRLReason of an entry; undefined without one, NaN where the value is no ENUMERATED. */
function reasonOf({ extensions }: CrlEntryView): number | undefined {
  const extension = extensions.find(({ oid }) => oid === EXTENSION.reasonCode);
  if (extension === undefined) return undefined;
  try {
    const reader = new DerReader(extension.value, 'CRLReason');
    const reason = reader.smallInteger(0xff, TAG.enumerated);
    reader.end();
    return reason;
  } catch (error) {
    if (error instanceof X509FormatError) return Number.NaN;
    throw error;
  }
}

/** One entry of a full CRL (RFC 5280 §5.1.2.6, §5.3). */
export const CRL_ENTRY_RULES: readonly Rule<CrlEntryView>[] = [
  {
    name: 'crl-entry-serial',
    clause: 'RFC 5280 §4.1.2.2',
    check: ({ serial }) => broken(serial.byteLength > 20 || (serial[0] ?? 0) >= 0x80, 'negative, or over 20 octets'),
  },
  {
    name: 'crl-entry-time-form',
    clause: 'RFC 5280 §5.1.2.6',
    check: ({ timeInDueForm }) => broken(!timeInDueForm, 'UTCTime until 2049, GeneralizedTime from 2050'),
  },
  {
    name: 'crl-entry-after-this-update',
    clause: 'RFC 5280 §5.1.2.6',
    check: ({ revokedAt, thisUpdate }) => broken(revokedAt > thisUpdate, 'revoked after thisUpdate'),
  },
  {
    name: 'crl-entry-before-crls',
    clause: 'RFC 2459',
    check: ({ revokedAt }) => broken(revokedAt < EARLIEST, 'revoked before there were such CRLs'),
  },
  {
    name: 'crl-entry-extension-twice',
    clause: 'RFC 5280 §5.3',
    check: ({ extensions }) =>
      broken(new Set(extensions.map(({ oid }) => oid)).size !== extensions.length, 'an extension twice'),
  },
  {
    name: 'crl-entry-reason-undefined',
    clause: 'RFC 5280 §5.3.1',
    check: (entry) => {
      const reason = reasonOf(entry);
      return broken(reason !== undefined && !DEFINED.has(reason), `reason ${reason}`);
    },
  },
  {
    name: 'crl-entry-reason-unspecified',
    clause: 'RFC 5280 §5.3.1',
    check: (entry) => broken(reasonOf(entry) === UNSPECIFIED, 'unspecified is said by saying nothing'),
  },
  {
    name: 'crl-entry-removed',
    clause: 'RFC 5280 §5.3.1',
    check: (entry) => broken(reasonOf(entry) === REMOVE_FROM_CRL, 'removeFromCRL outside a delta CRL'),
  },
  {
    name: 'crl-entry-reason-critical',
    clause: 'RFC 5280 §5.3.1',
    check: ({ extensions }) =>
      broken(extensions.find(({ oid }) => oid === EXTENSION.reasonCode)?.critical === true, 'critical'),
  },
];

const ISSUED_REASONS: ReadonlySet<number> = new Set<number>(Object.values(LISTED_REASONS));

/** What holds for the entries made here. */
export const CRL_ENTRY_PROFILE_RULES: readonly Rule<CrlEntryView>[] = [
  {
    name: 'crl-profile-entry-extensions',
    clause: 'Muster profile',
    check: ({ extensions }) => {
      const other = extensions.find(({ oid }) => oid !== EXTENSION.reasonCode);
      return broken(other !== undefined, `extension ${other?.oid} is not in the profile`);
    },
  },
  {
    name: 'crl-profile-entry-reason',
    clause: 'Muster profile',
    check: (entry) => {
      const reason = reasonOf(entry);
      return broken(reason !== undefined && !ISSUED_REASONS.has(reason), `reason ${reason} is not given here`);
    },
  },
];
