import type { NodeId, NodeName } from '#core/ids.ts';

import { appendAudit } from './append-audit.ts';
import { contactQueries } from './contact-queries.ts';
import { addressFromRow, contactFromRow, type JoinedContact, rowFromContact } from './contact-rows.ts';
import {
  ADDRESSES_KEPT,
  type ContactChange,
  type ContactReader,
  type ContactRecorded,
  type ContactWriter,
  type InventoryEntry,
  type KnownContact,
  NEVER_SEEN,
} from './contact-store.ts';
import { commonAddressQuery, inventoryQuery, type InventorySearch, inventorySearches } from './inventory-query.ts';
import { pageLimit } from './page-limit.ts';
import type { Executor } from './prepared-query.ts';
import { nodeFromRow } from './rows.ts';
import type { StoreParts } from './store-parts.ts';

/** What was heard of nodes, and the inventory's pages. */
export function contactOperations({
  builder,
  reader,
  transact,
  queries: { audit },
}: StoreParts): ContactReader & ContactWriter {
  const contacts = contactQueries(builder);
  const nextRevision = async (tx: Executor): Promise<number> =>
    ((await contacts.latestRevision(tx, {})).rows[0]?.revision ?? 0) + 1;
  const record = async (tx: Executor, change: ContactChange, revision: number): Promise<ContactRecorded> => {
    const { nodeId, contact, address, events, basis } = change;
    const [kept] = (await contacts.findKept(tx, { nodeId })).rows;
    if (kept === undefined) return { outcome: 'gone' };
    if (basis !== undefined && basis !== (kept.revision ?? 0)) return { outcome: 'stale' };
    await contacts.record(tx, { ...rowFromContact(change), revision });
    if (address !== undefined) {
      const at = address.at.toISOString();
      await contacts.recordAddress(tx, {
        node_id: nodeId,
        address: address.address,
        first_seen_at: at,
        last_seen_at: at,
      });
      await contacts.forgetAddresses(tx, { nodeId, keep: ADDRESSES_KEPT });
    }
    if (events.length === 0) return { outcome: 'recorded', revision };
    const { connectivity } = contact;
    await contacts.setConnectivity(tx, { nodeId, connectivity: connectivity === 'never-seen' ? null : connectivity });
    for (const event of events) await appendAudit(tx, audit, event);
    return { outcome: 'recorded', revision };
  };
  const planned = async (search: InventorySearch): Promise<InventorySearch> => {
    if (search.text?.by !== 'address') return search;
    const { rows } = await reader.executeQuery(commonAddressQuery(builder, search.text.text));
    return rows.length === 0 ? search : { ...search, text: { ...search.text, by: 'common-address' } };
  };
  return {
    async listContacts({ after, limit }) {
      const page = pageLimit(limit);
      const { rows } = await (after === undefined
        ? contacts.list(reader, { limit: page })
        : contacts.listAfter(reader, { after, limit: page }));
      return rows.map(knownFromRow);
    },

    async listContactChanges(revision, limit) {
      return (await contacts.listChanges(reader, { revision, limit: pageLimit(limit) })).rows.map(knownFromRow);
    },

    async findContact(nodeId) {
      const { rows } = await contacts.find(reader, { nodeId });
      return rows.map(contactFromRow).at(0) ?? NEVER_SEEN;
    },

    async listInventory(filter, { after, limit }) {
      const page = { after, limit: pageLimit(limit) };
      const found = new Map<string, InventoryEntry>();
      for (const search of inventorySearches(filter)) {
        const { rows } = await reader.executeQuery(inventoryQuery(builder, await planned(search), page));
        for (const row of rows) found.set(row.id, { node: nodeFromRow(row), contact: contactFromRow(row) });
      }
      return [...found.values()]
        .toSorted((a, b) => order(a.node.name, b.node.name) || order(a.node.id, b.node.id))
        .slice(0, limit);
    },

    async listAddresses(nodeId) {
      const { rows } = await contacts.listAddresses(reader, { nodeId, limit: ADDRESSES_KEPT });
      return rows.map(addressFromRow);
    },

    recordContacts: (changes) =>
      transact(async (tx) => {
        const recorded: ContactRecorded[] = [];
        let revision = await nextRevision(tx);
        for (const change of changes) {
          const became = await record(tx, change, revision);
          if (became.outcome === 'recorded') revision += 1;
          recorded.push(became);
        }
        return recorded;
      }),

    requestRenewal: (nodeId, at, event) =>
      transact(async (tx) => {
        const kept = await contacts.findKept(tx, { nodeId });
        if (kept.rows.length !== 1) return false;
        await contacts.requestRenewal(tx, { nodeId, at: at.toISOString(), revision: await nextRevision(tx) });
        await appendAudit(tx, audit, event);
        return true;
      }),
  };
}

type KnownRow = JoinedContact & { readonly node_id: NodeId; readonly name: NodeName; readonly revision: number };

const knownFromRow = (row: KnownRow): KnownContact => ({
  nodeId: row.node_id,
  name: row.name,
  contact: contactFromRow(row),
  revision: row.revision,
});

/** By code point, as the databases order names. */
const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
