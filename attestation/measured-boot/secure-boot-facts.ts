import { type Bytes, toHex } from '#core/bytes.ts';
import { sha256Hex } from '#core/digest.ts';
import { unreachable } from '#core/never.ts';
import { GUID } from '#tpm2/event-log/efi-guid.ts';
import { parseSbatLevel } from '#tpm2/event-log/sbat-level.ts';
import type { SignatureDatabase } from '#tpm2/event-log/signature-list.ts';
import { Tpm2FormatError } from '#tpm2/format-error.ts';

import type { Authority } from './authority.ts';
import type { BootApplicationFact } from './boot-application-facts.ts';
import { toBeSignedDigest } from './certificate-digest.ts';
import type { SecureBootEvents, SecureBootVariables } from './secure-boot-events.ts';
import type { VerifiedEventLog } from './verified-event-log.ts';

/** A signature database by digests. */
export interface DatabaseFact {
  /** SHA-256 fingerprints of its certificates. */
  readonly certificates: readonly string[];
  /** SHA-256 Authenticode digests. */
  readonly imageDigests: readonly string[];
  /** SHA-256 digests of certificates' to-be-signed parts. */
  readonly certificateDigests: readonly string[];
  /** Entries of other types. */
  readonly others: number;
}

/** What let an image run. */
export interface AuthorityFact {
  readonly variable: string;
  readonly guid: string;
  /** SHA-256: of a certificate, or of the image itself where the database names it. Undefined for other data. */
  readonly fingerprint: string | undefined;
  /** True if the measured db holds it and the measured dbx does not revoke it. Shim's authorities are not in db. */
  readonly inDb: boolean;
  /** False where the log's data is a byte longer than what was measured. */
  readonly exact: boolean;
}

/** The revocation level that shim enforces. */
export interface SbatFact {
  /** Ten digits. */
  readonly date: string;
  /** Least generation by component; each component once. */
  readonly generations: readonly (readonly [component: string, generation: number])[];
}

export interface SecureBootFacts {
  /** True if the firmware verified what it booted: then `doubts` is empty. */
  readonly proven: boolean;
  /** Why it is not proven, each in words. */
  readonly doubts: readonly string[];
  /** The variable SecureBoot, which alone proves nothing. */
  readonly variable: SecureBootVariables['secureBoot'] | 'not-measured';
  readonly setupMode: boolean | undefined;
  readonly auditMode: boolean | undefined;
  readonly deployedMode: boolean | undefined;
  readonly pk: DatabaseFact;
  readonly kek: DatabaseFact;
  readonly db: DatabaseFact;
  readonly dbx: DatabaseFact;
  readonly authorities: readonly AuthorityFact[];
  /** Of option ROMs and drivers. */
  readonly driverAuthorities: readonly AuthorityFact[];
  /** Shim's; `unreadable` where it measured something else than a level, undefined where it measured none. */
  readonly sbat: SbatFact | 'unreadable' | undefined;
  readonly debugMode: boolean;
  readonly dmaProtectionDisabled: boolean;
}

/** What PCR 7 says of Secure Boot, with the boot applications of PCR 4. Undefined unless both are verified. */
export function readSecureBootFacts(
  { secureBoot }: VerifiedEventLog,
  bootApplications: readonly BootApplicationFact[] | undefined,
): SecureBootFacts | undefined {
  if (secureBoot === undefined || bootApplications === undefined) return undefined;
  const { variables, modes, debugMode, dmaProtectionDisabled } = secureBoot;
  const db = databaseFact(variables?.db);
  const dbx = databaseFact(variables?.dbx);
  const fact = (authority: Authority): AuthorityFact => authorityFact(authority, db, dbx);
  const found = {
    variable: variables?.secureBoot ?? ('not-measured' as const),
    setupMode: modes.get('SetupMode'),
    auditMode: modes.get('AuditMode'),
    deployedMode: modes.get('DeployedMode'),
    pk: databaseFact(variables?.pk),
    kek: databaseFact(variables?.kek),
    db,
    dbx,
    authorities: secureBoot.authorities.map(fact),
    driverAuthorities: secureBoot.driverAuthorities.map(fact),
    sbat: readSbat(secureBoot),
    debugMode,
    dmaProtectionDisabled,
  };
  const doubts = findDoubts(found, bootApplications);
  return { proven: doubts.length === 0, doubts, ...found };
}

const EMPTY: DatabaseFact = { certificates: [], imageDigests: [], certificateDigests: [], others: 0 };

function databaseFact(database: SignatureDatabase | undefined): DatabaseFact {
  return database === undefined ? EMPTY : { ...database, certificates: database.certificates.map(sha256Hex) };
}

function authorityFact(
  { variable, guid, content, exact }: Authority,
  db: DatabaseFact,
  dbx: DatabaseFact,
): AuthorityFact {
  const base = { variable, guid, exact };
  switch (content.kind) {
    case 'certificate': {
      const fingerprint = sha256Hex(content.der);
      const isRevoked = dbx.certificates.includes(fingerprint) || isRevokedByDigest(content.der, dbx);
      return { ...base, fingerprint, inDb: db.certificates.includes(fingerprint) && !isRevoked };
    }
    case 'image-digest': {
      const isAllowed = db.imageDigests.includes(content.sha256) && !dbx.imageDigests.includes(content.sha256);
      return { ...base, fingerprint: content.sha256, inDb: isAllowed };
    }
    case 'data':
      return { ...base, fingerprint: undefined, inDb: false };
    default:
      return unreachable(content);
  }
}

/** A certificate without a readable to-be-signed part counts as revoked where revocation is by that part. */
function isRevokedByDigest(der: Bytes, { certificateDigests }: DatabaseFact): boolean {
  if (certificateDigests.length === 0) return false;
  const digest = toBeSignedDigest(der);
  return digest === undefined || certificateDigests.includes(toHex(digest));
}

function readSbat({ authorities }: SecureBootEvents): SecureBootFacts['sbat'] {
  const levels = authorities.filter(({ guid, variable }) => guid === GUID.shimLock && variable === 'SbatLevel');
  const [level] = levels;
  if (level === undefined) return undefined;
  if (levels.length > 1 || level.content.kind !== 'data') return 'unreadable';
  try {
    const { date, generations } = parseSbatLevel(level.content.data);
    return { date, generations: [...generations] };
  } catch (error) {
    if (error instanceof Tpm2FormatError) return 'unreadable';
    throw error;
  }
}

/**
 * Why the firmware may not have verified what it booted. SecureBoot=01 is measured too where a kernel is handed to the firmware directly and
 * nothing is verified: an authority of db and an image that was measured have to follow it.
 */
function findDoubts(
  found: Omit<SecureBootFacts, 'proven' | 'doubts'>,
  bootApplications: readonly BootApplicationFact[],
): readonly string[] {
  const isEmpty = ({ certificates, imageDigests, certificateDigests, others }: DatabaseFact): boolean =>
    certificates.length + imageDigests.length + certificateDigests.length + others === 0;
  const conditions: readonly (readonly [doubt: string, holds: boolean])[] = [
    [`the variable SecureBoot is ${found.variable}`, found.variable !== 'on'],
    ['PK is empty', isEmpty(found.pk)],
    ['KEK is empty', isEmpty(found.kek)],
    ['db is empty', isEmpty(found.db)],
    ['the firmware is in setup mode', found.setupMode === true],
    ['the firmware is in audit mode', found.auditMode === true],
    ['the firmware is in debug mode', found.debugMode],
    ['no authority of db let a boot application run', !found.authorities.some(({ inDb }) => inDb)],
    ['no boot application was measured', bootApplications.every(({ beforeSeparator }) => beforeSeparator)],
  ];
  return conditions.filter(([, holds]) => holds).map(([doubt]) => doubt);
}
