import type { Kysely } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';

import type { DialectTraits } from '../dialect-traits.ts';
import type { Schema } from '../schema.ts';
import { initialMigration } from './0001-initial.ts';
import { auditByTypeMigration } from './0002-audit-by-type.ts';
import { imaProgressMigration } from './0003-ima-progress.ts';
import { nodeLifeMigration } from './0004-node-life.ts';
import { nodeContactsMigration } from './0005-node-contacts.ts';
import { admissionMigration } from './0006-admission.ts';
import { measurementKeysMigration } from './0007-measurement-keys.ts';
import { certificateExpiryMigration } from './0012-certificate-expiry.ts';
import { auditExportMigration } from './0013-audit-export.ts';
import { replicasMigration } from './0014-replicas.ts';
import { stepUpMigration } from './0008-step-up.ts';

/** Every migration by name, in order of name. One that was released is never edited: a change is the next number. */
export const migrations = (traits: DialectTraits): Record<string, Migration> => ({
  '0001-initial': initialMigration(traits),
  '0002-audit-by-type': auditByTypeMigration(),
  '0003-ima-progress': imaProgressMigration(),
  '0004-node-life': nodeLifeMigration(traits),
  '0005-node-contacts': nodeContactsMigration(traits),
  '0006-admission': admissionMigration(traits),
  '0007-measurement-keys': measurementKeysMigration(traits),
  '0012-certificate-expiry': certificateExpiryMigration(),
  '0013-audit-export': auditExportMigration(traits),
  '0008-step-up': stepUpMigration(traits),
  '0014-replicas': replicasMigration(traits),
});

/**
 * The database has the newest schema on return. Each run is one transaction, so a process killed in the middle leaves the schema that
 * was there. Throws when the database has a migration that this program does not know, as one written by a later release has.
 */
export async function migrate(db: Kysely<Schema>, traits: DialectTraits): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations(traits)) } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}
