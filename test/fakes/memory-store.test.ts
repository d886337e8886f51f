import { expect, test } from 'vitest';

import { DependencyError } from '#core/dependency-error.ts';
import { storeContract } from '#test/contract/store.contract.ts';

import { memoryStore } from './memory-store.ts';

storeContract('the store in memory', async () => {
  const store = memoryStore();
  return {
    store,
    setNodeState: async (id, state) => store.setNodeState(id, state),
    discard: async () => store[Symbol.asyncDispose](),
  };
});

test('a store in memory that is told to be unavailable rejects, until it is told otherwise', async () => {
  const store = memoryStore();
  store.unavailable = true;
  await expect(store.auditHead()).rejects.toThrow(DependencyError);
  await expect(store.forgetTickets(new Date(0))).rejects.toThrow(DependencyError);
  store.unavailable = false;
  expect(await store.auditHead()).toMatchObject({ sequence: 0 });
});
