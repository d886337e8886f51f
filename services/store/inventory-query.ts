import { type Kysely, sql } from 'kysely';

import type { PoolName } from '#core/ids.ts';

import { CONTACT_COLUMNS } from './contact-queries.ts';
import type { InventoryCursor, InventoryFilter } from './contact-store.ts';
import type { Schema } from './schema.ts';

/** What a text may be: each is looked for by an index of its own, so each is a query of its own. */
type TextSearch =
  | { readonly by: 'name' | 'id' | 'address' | 'common-address'; readonly text: string }
  | { readonly by: 'ek'; readonly from: string; readonly to: string };

/** One query of those that a filter takes. */
export interface InventorySearch {
  readonly filter: Pick<InventoryFilter, 'state' | 'connectivity' | 'prefix'>;
  readonly pool: PoolName | undefined;
  readonly text: TextSearch | undefined;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;
const HEX = /^[0-9a-f]{8,64}$/;
const ADDRESS = /^[0-9a-f.:]{2,45}$/;

/** The queries whose results together are what `filter` asks for. None where it asks for no pool at all. */
export function inventorySearches(filter: InventoryFilter): readonly InventorySearch[] {
  const { pools, text } = filter;
  const texts = text === undefined ? [undefined] : textSearches(text.toLowerCase());
  return (pools ?? [undefined]).flatMap((pool) => texts.map((search) => ({ filter, pool, text: search })));
}

function textSearches(text: string): readonly TextSearch[] {
  const searches: TextSearch[] = [{ by: 'name', text }];
  if (UUID.test(text)) searches.push({ by: 'id', text });
  // A hex digit sorts before `g`.
  if (HEX.test(text)) searches.push({ by: 'ek', from: text, to: `${text}g` });
  if (ADDRESS.test(text)) searches.push({ by: 'address', text });
  return searches;
}

/** Nodes at one address above which looking through the nodes finds a page sooner than looking through the address's. */
const COMMON_ADDRESS = 2_000;

/** Whether so many nodes share the address that is looked for, as behind one NAT, that the search should go by the nodes. */
export const commonAddressQuery = (db: Kysely<Schema>, address: string) =>
  db
    .selectFrom('node_addresses')
    .select('node_id')
    .where('address', '=', address)
    .offset(COMMON_ADDRESS)
    .limit(1)
    .compile();

/** The nodes of one search with their contacts, in order of name and id, after `after`. */
export function inventoryQuery(
  db: Kysely<Schema>,
  { filter, pool, text }: InventorySearch,
  page: { after: InventoryCursor | undefined; limit: number },
) {
  const retired = filter.state === 'retired';
  // The page is chosen by names alone, from an index: rows carry certificates, and few of those looked at are in the page.
  let chosen = db.selectFrom('nodes').select(['name', 'id']);
  chosen = retired ? chosen.where('state', '=', 'retired') : chosen.where('retired_at', 'is', null);
  if (!retired && filter.state !== undefined) chosen = chosen.where('state', '=', filter.state);
  if (pool !== undefined) chosen = chosen.where('pool', '=', pool);
  if (filter.connectivity === 'never-seen') chosen = chosen.where('connectivity', 'is', null);
  else if (filter.connectivity !== undefined) chosen = chosen.where('connectivity', '=', filter.connectivity);
  if (filter.prefix !== undefined) {
    // Names are of a-z, 0-9, `-` and `.`, which all sort before `{`.
    chosen = chosen.where(sql`name`, '>=', filter.prefix).where(sql`name`, '<', `${filter.prefix}{`);
  }
  if (text !== undefined) chosen = chosen.where(textCondition(text));
  const { after } = page;
  if (after !== undefined) chosen = chosen.where('name', '>=', after.name);
  if (after !== undefined) {
    chosen = chosen.where((eb) =>
      retired && after.id !== undefined
        ? eb.or([eb('name', '>', after.name), eb('id', '>', after.id)])
        : eb('name', '>', after.name),
    );
  }
  return db
    .selectFrom(chosen.orderBy('name').orderBy('id').limit(page.limit).as('chosen'))
    .innerJoin('nodes', 'nodes.id', 'chosen.id')
    .leftJoin('node_contacts', 'node_contacts.node_id', 'nodes.id')
    .selectAll('nodes')
    .select(CONTACT_COLUMNS)
    .orderBy('nodes.name')
    .orderBy('nodes.id')
    .compile();
}

function textCondition(search: TextSearch) {
  switch (search.by) {
    case 'name':
      // Not `like`: its wildcards would be the caller's.
      return sql<boolean>`replace(name, ${search.text}, '') <> name`;
    case 'id':
      return sql<boolean>`id = ${search.text}`;
    case 'ek':
      return sql<boolean>`ek_fingerprint >= ${search.from} and ek_fingerprint < ${search.to}`;
    case 'address':
      return sql<boolean>`id in (select node_id from node_addresses where address = ${search.text})`;
    case 'common-address':
      return sql<boolean>`exists (select 1 from node_addresses where node_id = nodes.id and address = ${search.text})`;
  }
}
