import { attack, type CheckProof } from './check-proof.ts';

const CONTRACT = 'test/services/store/sqlite-store.contract.test.ts';
const LEADERSHIP = 'test/services/leader/keep-leadership.test.ts';
const CONTACTS = 'test/services/inventory/node-contacts.test.ts';
const KEYS = 'test/services/join/ticket-keys.test.ts';
const PUBLISHER = 'test/services/revocation/crl-publisher.test.ts';

/** What replicas of the service settle between them. */
export const REPLICA_PROOFS: readonly CheckProof[] = [
  {
    removes: 'that a leader’s write is of the newest term',
    file: 'services/store/crl-lists.ts',
    check: 'await assertTerm(tx, term);',
    without: '',
    test: attack('T78-leader-that-was-overtaken'),
  },
  {
    removes: 'that a list has a higher number than the one before',
    file: 'services/store/crl-lists.ts',
    check: 'excluded.number > crl_lists.number and ',
    without: '',
    test: CONTRACT,
  },
  {
    removes: 'that a list leaves no change out that the one before has',
    file: 'services/store/crl-lists.ts',
    check: ' and excluded.through >= crl_lists.through',
    without: '',
    test: attack('T78-leader-that-was-overtaken'),
  },
  {
    removes: 'that a list is not older than the one before',
    file: 'services/store/crl-lists.ts',
    check: ' and excluded.this_update >= crl_lists.this_update',
    without: '',
    test: CONTRACT,
  },
  {
    removes: 'that a list on record is served only when its issuer signed it',
    file: 'services/revocation/crl-publisher.ts',
    check: 'if (!isSignedBy(list.der, certificate)) throw',
    without: 'if (list.der.byteLength === 0) throw',
    test: PUBLISHER,
  },
  {
    removes: 'that a new leader signs a list of its own at once',
    file: 'services/revocation/crl-publisher.ts',
    check: '!making.hasServed || ',
    without: '',
    test: PUBLISHER,
  },
  {
    removes: 'that a process leads only while it holds the lock',
    file: 'services/leader/keep-leadership.ts',
    check: 'return this.#led?.lock.isHeld() === true ? this.#led.term : undefined;',
    without: 'return this.#led?.term;',
    test: LEADERSHIP,
  },
  {
    removes: 'that the lock is given back where its term could not begin',
    file: 'services/leader/keep-leadership.ts',
    check: 'await lock[Symbol.asyncDispose]();\n      throw error;',
    without: 'throw error;',
    test: LEADERSHIP,
  },
  {
    removes: 'that unfinished signatures are spared while somebody may be at them',
    file: 'services/store/store-operations.ts',
    check: 'begunBefore === undefined || notBefore < begunBefore',
    without: 'begunBefore === undefined || notBefore < new Date(8.64e15)',
    test: CONTRACT,
  },
  {
    removes: 'that a contact is not recorded over what another replica recorded',
    file: 'services/store/contact-operations.ts',
    check: "if (basis !== undefined && basis !== (kept.revision ?? 0)) return { outcome: 'stale' };",
    without: '',
    test: CONTRACT,
  },
  {
    removes: 'the time that what another replica heard takes to be known',
    file: 'services/inventory/node-contacts.ts',
    check: 'const spareMs = store.isShared ? SHARED_SILENCE_MS : 0;',
    without: 'const spareMs = 0;',
    test: CONTACTS,
  },
  {
    removes: 'that nobody is blamed for silence while the store was away',
    file: 'services/inventory/node-contacts.ts',
    check: 'if (this.#isCutOff) this.#countedFromMs = elapsedMs();',
    without: '',
    test: CONTACTS,
  },
  {
    removes: 'that one replica alone takes the cluster’s leases for signs of life',
    file: 'services/compose/keep-cluster.ts',
    check: 'if (leads()) contacts.leaseSeen(name, renewedAt);',
    without: 'contacts.leaseSeen(name, renewedAt);',
    test: 'test/services/compose/keep-cluster.test.ts',
  },
  {
    removes: 'the end of a ticket key that was followed by another',
    file: 'services/join/ticket-keys.ts',
    check: 'return next === undefined || at.getTime() < next.getTime() + OPENS_AFTER_MS;',
    without: 'return next === undefined || at.getTime() > 0;',
    test: KEYS,
  },
  {
    removes: 'that a ticket key seals from its time on and not before',
    file: 'services/join/ticket-keys.ts',
    check: 'sealsFrom !== undefined && sealsFrom <= at',
    without: 'sealsFrom !== undefined',
    test: KEYS,
  },
  {
    removes: 'the order of ticket keys',
    file: 'services/join/ticket-keys.ts',
    check: 'if (sealsFrom === undefined || (before.sealsFrom ?? 0) >= sealsFrom)',
    without: 'if (sealsFrom === undefined)',
    test: KEYS,
  },
];
