import type { Policy } from '#attestation/evidence-policy.ts';
import { type ReferenceValues, standingOf } from '#attestation/reference-values.ts';
import type { ReferenceList } from '#protocol/reference.ts';
import { isRecordOf } from '#services/audit/catalogue.ts';
import type { StoreReader } from '#services/store/store.ts';

import { retiredReferenceValues } from './retired-reference-values.ts';

/** The newest issued joins that are counted. */
const JOINS_COUNTED = 1_000;

/** Every set of reference values that `policy` names, in order of name: where it stands at `now`, and what it admitted of the newest joins. */
export async function listReferenceValues(
  store: Pick<StoreReader, 'readAuditOfType'>,
  policy: Policy,
  now: Date,
): Promise<ReferenceList> {
  const newestFirst = await store.readAuditOfType('certificate.issued', { limit: JOINS_COUNTED });
  const retired = await retiredReferenceValues(store);
  const joins = newestFirst.flatMap((record) =>
    isRecordOf(record, 'certificate.issued')
      ? [{ name: record.facts.referenceValues, pool: record.facts.pool, at: record.at }]
      : [],
  );
  const oldest = joins.at(-1)?.at;
  const sets = [...policy.pools.values()].flatMap(({ pool, tpm2 }) =>
    tpm2.referenceValues.map((set) => ({ pool, set })),
  );
  // Two pools may each have files of the same name with different values: those are two lines.
  const lines = Map.groupBy(sets, ({ set }) => contentKey(set));
  const referenceValues = [...lines.values()].flatMap((same) => {
    const [first] = same;
    if (first === undefined) return [];
    const pools: readonly string[] = same.map(({ pool }) => pool).toSorted();
    const admitted = joins.filter(({ name, pool }) => name === first.set.name && pools.includes(pool));
    return [describe(first.set, pools, admitted, now)];
  });
  return {
    countedJoins: joins.length,
    ...(oldest === undefined ? {} : { countedSince: oldest.toISOString() }),
    retired: [...retired].toSorted(),
    referenceValues: referenceValues.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

function describe(
  set: ReferenceValues,
  pools: readonly string[],
  admitted: readonly { readonly at: Date }[],
  now: Date,
): ReferenceList['referenceValues'][number] {
  const { name, bank, notBefore, expires } = set;
  const last = admitted[0]?.at;
  return {
    name,
    pools: [...pools],
    bank,
    pcrs: [...set.pcrs.keys()],
    ...(notBefore === undefined ? {} : { notBefore: notBefore.toISOString() }),
    ...(expires === undefined ? {} : { expires: expires.toISOString() }),
    standing: standingOf(set, now),
    admitted: admitted.length,
    ...(last === undefined ? {} : { lastAdmittedAt: last.toISOString() }),
  };
}

const contentKey = ({ name, bank, pcrs, notBefore, expires }: ReferenceValues): string =>
  JSON.stringify([name, bank, [...pcrs], notBefore, expires]);
