import type { Schema } from '../schema.ts';

/**
 * Every table, each after those that it refers to, with the columns of its primary key. The compiler refuses a schema with a table that is
 * not here.
 */
const KEYS = {
  nodes: ['id'],
  certificates: ['serial'],
  revocations: ['serial'],
  crls: ['issuer_key_id'],
  tickets: ['ticket_id'],
  join_tokens: ['id'],
  candidates: ['id'],
  step_up_challenges: ['challenge'],
  step_up_counters: ['credential'],
  audit_records: ['sequence'],
  audit_head: ['id'],
  audit_export_cursors: ['destination'],
  node_contacts: ['node_id'],
  node_addresses: ['node_id', 'address'],
  leader_terms: ['id'],
  crl_lists: ['issuer_key_id'],
} as const satisfies { readonly [T in keyof Schema]: readonly (keyof Schema[T] & string)[] };

export type TableName = keyof typeof KEYS;

export interface Table {
  readonly name: TableName;
  readonly key: readonly string[];
}

export const TABLES: readonly Table[] = Object.entries(KEYS).flatMap(([name, key]) =>
  isTableName(name) ? [{ name, key }] : [],
);

export function isTableName(name: string): name is TableName {
  return Object.hasOwn(KEYS, name);
}
