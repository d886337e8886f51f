import { type Command, Option } from 'commander';

import { connectivitySchema, nodeStateSchema, ratingSchema } from '#protocol/inventory-query.ts';

import type { Query } from '../../client.ts';

/** Which nodes: the options that every command over many nodes takes. */
export interface FilterOptions {
  readonly pool?: string;
  readonly state?: string;
  readonly connectivity?: string;
  readonly rating?: string;
  readonly prefix?: string;
  readonly text?: string;
}

/** `command` with the filter's options. */
export const withFilter = (command: Command): Command =>
  command
    .option('--pool <name>', 'only nodes of this pool')
    .addOption(new Option('--state <state>', 'only nodes in this state').choices(nodeStateSchema.options))
    .addOption(
      new Option('--connectivity <connectivity>', 'only nodes that are so').choices(connectivitySchema.options),
    )
    .addOption(new Option('--rating <rating>', 'only nodes of pools with this rating').choices(ratingSchema.options))
    .option('--prefix <text>', 'only names that begin with it')
    .option('--text <text>', 'a part of the name, the beginning of the EK’s hash, the id, or an address');

/** The filter as the API's query. */
export const filterQuery = ({ pool, state, connectivity, rating, prefix, text }: FilterOptions): Query => ({
  pool,
  state,
  connectivity,
  rating,
  prefix,
  text,
});
