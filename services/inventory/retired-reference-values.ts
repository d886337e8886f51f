import { isRecordOf } from '#services/audit/catalogue.ts';
import type { StoreReader } from '#services/store/store.ts';

const PAGE = 1_000;

/** The names of all reference values that were ever retired, as the audit log has them. */
export async function retiredReferenceValues(
  store: Pick<StoreReader, 'readAuditOfType'>,
): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  let before: number | undefined;
  for (;;) {
    const page = await store.readAuditOfType('reference.retired', { before, limit: PAGE });
    for (const record of page) if (isRecordOf(record, 'reference.retired')) names.add(record.facts.name);
    before = page.at(-1)?.sequence;
    if (page.length < PAGE) return names;
  }
}
