import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { DependencyError } from '#core/dependency-error.ts';
import type { NodeId } from '#core/ids.ts';
import type { NodeState } from '#core/node-record.ts';
import type { Store } from '#services/store/store.ts';

import { auditExportContract } from './store-audit-exports.contract.ts';
import { auditContract } from './store-audit.contract.ts';
import { candidateContract } from './store-candidates.contract.ts';
import { censusContract } from './store-census.contract.ts';
import { certificateContract } from './store-certificates.contract.ts';
import { contactContract } from './store-contacts.contract.ts';
import { nodeLifeContract } from './store-node-life.contract.ts';
import { nodeContract } from './store-nodes.contract.ts';
import { revocationContract } from './store-revocations.contract.ts';
import { joinTokenContract } from './store-join-tokens.contract.ts';
import { stepUpContract } from './store-step-ups.contract.ts';
import { termContract } from './store-terms.contract.ts';
import { ticketContract } from './store-tickets.contract.ts';

/** One empty store, and the hand of an administrator in it. */
export interface StoreUnderTest {
  readonly store: Store;
  /** Sets a node's state by other means than the store's own. */
  readonly setNodeState: (id: NodeId, state: NodeState) => Promise<void>;
  /** Leaves nothing behind. */
  readonly discard: () => Promise<void>;
}

/** Gives the store that the running test may use. */
export type Current = () => StoreUnderTest;

/** What every `Store` does, whatever keeps its records. `open` makes a new, empty one for each test. */
export function storeContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`${name}, as a store,`, () => {
    let opened: StoreUnderTest | undefined;
    beforeEach(async () => {
      opened = await open();
    });
    afterEach(async () => {
      await opened?.discard();
      opened = undefined;
    });
    const current: Current = () => {
      if (opened === undefined) throw new Error('no store is open');
      return opened;
    };

    nodeContract(current);
    contactContract(current);
    ticketContract(current);
    joinTokenContract(current);
    stepUpContract(current);
    candidateContract(current);
    certificateContract(current);
    nodeLifeContract(current);
    revocationContract(current);
    auditContract(current);
    auditExportContract(current);
    censusContract(current);
    termContract(current);

    test('is not in doubt while nothing has failed', () => {
      expect(current().store.failure.aborted).toBe(false);
    });

    test('rejects every call once it is closed', async () => {
      const { store } = current();
      await store[Symbol.asyncDispose]();
      await expect(store.auditHead()).rejects.toThrow(DependencyError);
      await expect(store.forgetTickets(new Date(0))).rejects.toMatchObject({ dependency: 'store' });
    });
  });
}
