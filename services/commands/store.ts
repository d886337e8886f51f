import { resolve } from 'node:path';

import { z } from 'zod';

import { EXIT } from '#core/exit-code.ts';
import { AuditWatch } from '#services/store/transfer/audit-watch.ts';
import { transferRows } from '#services/store/transfer/rows.ts';

import { loadServerConfig } from '#services/config/config.ts';
import { openRows, openSink, openStore } from '../open-store.ts';
import type { StoreConfig } from '#services/config/store-config.ts';
import type { CommandTerminal } from './command-terminal.ts';
import { saying } from './saying.ts';

const configSchema = z.object({ config: z.string().min(1) });
const copySchema = z.object({ from: z.string().min(1), to: z.string().min(1) });

const storeOf = async (file: string, { workingDirectory }: CommandTerminal): Promise<StoreConfig> =>
  (await loadServerConfig(resolve(workingDirectory, file))).store;

/** The store has the newest schema on resolution. Throws CommandFailure where it cannot be opened, as while a service has it. */
export async function migrateStore(options: unknown, terminal: CommandTerminal): Promise<void> {
  const { config } = configSchema.parse(options);
  await saying(EXIT.unavailable, async () => {
    await using store = await openStore(await storeOf(config, terminal), terminal.now);
    const { sequence } = await store.auditHead();
    terminal.out(`The store has the newest schema. Its audit log has ${sequence} records.\n`);
  });
}

/** Reads everything in the store, also while a service uses it, and verifies its audit log. Throws CommandFailure where it does not hold. */
export async function checkStore(options: unknown, terminal: CommandTerminal): Promise<void> {
  const { config } = configSchema.parse(options);
  await saying(EXIT.negative, async () => {
    await using source = await openRows(await storeOf(config, terminal));
    const watch = new AuditWatch();
    const rows = new Map<string, number>();
    for await (const batch of source.batches()) {
      watch.see(batch);
      rows.set(batch.table, (rows.get(batch.table) ?? 0) + batch.rows.length);
    }
    const head = watch.finish();
    terminal.out(`${counted(rows)}The audit log holds: ${head.sequence} records, the last ${head.hash}.\n`);
  });
}

/**
 * Copies everything of one configuration's store to the other's, which must be empty. Nothing is there unless all is, and the copy's audit log
 * was verified on the way. Throws CommandFailure.
 */
export async function copyStore(options: unknown, terminal: CommandTerminal): Promise<void> {
  const { from, to } = copySchema.parse(options);
  await saying(EXIT.unavailable, async () => {
    await using source = await openRows(await storeOf(from, terminal));
    await using sink = await openSink(await storeOf(to, terminal));
    const watch = new AuditWatch();
    const commit = async (): Promise<void> => {
      watch.finish();
      await sink.commit();
    };
    const rows = await transferRows(source, { write: (batch) => sink.write(batch), commit }, (batch) => {
      watch.see(batch);
    });
    terminal.out(`${counted(rows)}Copied. Point the service at the new store before anything joins at the old one.\n`);
  });
}

const counted = (rows: ReadonlyMap<string, number>): string =>
  [...rows].map(([table, count]) => `${table.padEnd(20)} ${String(count).padStart(10)}\n`).join('');
