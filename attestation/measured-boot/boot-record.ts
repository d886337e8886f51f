import { utf8 } from '#core/bytes.ts';
import { sha256Hex } from '#core/digest.ts';
import type { BootRecord, RecordedBoot } from '#protocol/recorded-boot.ts';

import type { BootFacts } from './boot-facts.ts';
import type { SecureBootFacts } from './secure-boot-facts.ts';

/** As audit records carry them. */
export type BootFactsRecord = BootRecord;

/** Room for a server's revocation list, GRUB's commands and the files it read: longer facts are not kept. */
const MAX_BYTES = 65_536;

/**
 * The facts as an audit record keeps them, without partition tables, which no demand is about; or, where their JSON would be over 64 KiB, its
 * length and hash.
 */
export function recordBoot(boot: BootFacts): BootRecord {
  const { disks: _, ...facts } = boot;
  const json = utf8(JSON.stringify(facts));
  if (json.byteLength > MAX_BYTES) return { omittedBytes: json.byteLength, sha256: sha256Hex(json) };
  const record: RecordedBoot = JSON.parse(Buffer.from(json).toString('utf8'));
  return record;
}

/** The facts that `recordBoot` kept; undefined where they were too long. */
export function recordedBootFacts(record: BootRecord): BootFacts | undefined {
  if ('omittedBytes' in record) return undefined;
  const { secureBoot, mok, bootApplications, grub, loaderFiles, uki, exitBootServices } = record;
  return {
    bank: record.bank,
    pcrs: record.pcrs,
    secureBoot: secureBoot && secureBootFacts(secureBoot),
    mok: mok?.kind === 'measured' ? { ...mok, listDigest: mok.listDigest } : mok,
    bootApplications: bootApplications?.map((application) => ({
      ...application,
      unverifiedPath: application.unverifiedPath,
    })),
    grub,
    loaderFiles,
    uki: {
      image: uki.image,
      commandLines: uki.commandLines,
      overrides: uki.overrides,
      extensions: uki.extensions,
    },
    exitBootServices,
    disks: undefined,
    warnings: record.warnings,
  };
}

function secureBootFacts(record: NonNullable<RecordedBoot['secureBoot']>): SecureBootFacts {
  const authorities = (list: typeof record.authorities) =>
    list.map((authority) => ({ ...authority, fingerprint: authority.fingerprint }));
  return {
    ...record,
    setupMode: record.setupMode,
    auditMode: record.auditMode,
    deployedMode: record.deployedMode,
    authorities: authorities(record.authorities),
    driverAuthorities: authorities(record.driverAuthorities),
    sbat: record.sbat,
  };
}
