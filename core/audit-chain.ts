import { AUDIT_START, type AuditHead, type AuditRecord, auditHash } from './audit-record.ts';

/**
 * What is wrong at one number. `altered`: the record is not the one that was sealed. `dropped`: there is none. `reordered`: it is there,
 * behind a later one. `inserted`: there is one too many, or one behind the log's own head. `truncated`: the head tells of a record behind
 * the last. `rewritten`: the record is whole, but it is not the one that was at this number when the caller took down a head.
 */
export interface AuditLogFault {
  readonly sequence: number;
  readonly fault: 'altered' | 'dropped' | 'reordered' | 'inserted' | 'truncated' | 'rewritten';
}

export type AuditChainVerdict =
  | { readonly ok: true; readonly records: number; readonly head: AuditHead }
  | { readonly ok: false; readonly faults: readonly AuditLogFault[] };

export interface ExpectedHeads {
  /** The head that the log keeps apart from its records: nothing comes behind it. */
  readonly stored?: AuditHead | undefined;
  /** Heads that the caller took down at any time before, of which the log cannot take the memory. */
  readonly remembered?: readonly AuditHead[] | undefined;
}

/** Faults that are listed; a log with more has been replaced, and a longer list is of no use to anybody. */
export const AUDIT_FAULTS_MAX = 1_000;

/**
 * Verifies records as they come, in the order in which the log gives them. It cannot tell a chain that was worked out anew, from some
 * record to its end and its stored head, from the true one: only a remembered head can.
 */
export class AuditChainVerifier {
  readonly #expected: readonly AuditHead[];
  readonly #stored: AuditHead | undefined;
  readonly #faults = new Map<number, AuditLogFault['fault']>();
  /** Hashes that were found at the expected heads' numbers. */
  readonly #found = new Map<number, string>([[AUDIT_START.sequence, AUDIT_START.hash]]);
  #records = 0;
  #last = { ...AUDIT_START, sealed: true };
  /** The last record does not continue the one before it, and which of the two is to blame is not known yet. */
  #brokenBefore = false;

  constructor(expected: ExpectedHeads = {}) {
    this.#stored = expected.stored;
    this.#expected = [...(expected.stored === undefined ? [] : [expected.stored]), ...(expected.remembered ?? [])];
  }

  /** Takes the next record. */
  add(record: AuditRecord): void {
    this.#records += 1;
    const { sequence, hash } = record;
    if (sequence <= this.#last.sequence) {
      const missed = this.#faults.get(sequence) === 'dropped';
      this.#fault(sequence, missed ? (isSealed(record) ? 'reordered' : 'altered') : 'inserted');
      return;
    }
    const sealed = isSealed(record);
    if (!sealed) this.#fault(sequence, 'altered');
    if (sequence === this.#last.sequence + 1) this.#checkLink(record.previousHash !== this.#last.hash, sealed);
    else this.#skipTo(sequence);
    this.#last = { sequence, hash, sealed };
    if (this.#expected.some((head) => head.sequence === sequence)) this.#found.set(sequence, hash);
  }

  /** The verdict over everything that was added. */
  finish(): AuditChainVerdict {
    const { sequence, hash } = this.#last;
    // The stored head says of the last record what each record says of the one before it; nothing comes after to clear that record.
    this.#checkLink(this.#stored?.sequence === sequence && this.#stored.hash !== hash, true);
    this.#blame(true);
    for (const head of this.#expected) this.#compare(head);
    if (this.#stored !== undefined) this.#faultRange(this.#stored.sequence + 1, sequence, 'inserted');
    if (this.#faults.size === 0) return { ok: true, records: this.#records, head: { sequence, hash } };
    const faults = [...this.#faults].map(([at, fault]) => ({ sequence: at, fault }));
    return { ok: false, faults: faults.toSorted((a, b) => a.sequence - b.sequence) };
  }

  /** Of two records that do not fit, the second is to blame when it does not fit the next one either, and the first otherwise. */
  #checkLink(broken: boolean, sealed: boolean): void {
    if (this.#brokenBefore) this.#blame(broken && sealed);
    else this.#brokenBefore = broken && sealed && this.#last.sealed;
  }

  #blame(second: boolean): void {
    if (!this.#brokenBefore) return;
    this.#brokenBefore = false;
    const { sequence } = this.#last;
    this.#fault(second || sequence === 1 ? sequence : sequence - 1, 'altered');
  }

  #skipTo(sequence: number): void {
    this.#blame(false);
    this.#faultRange(this.#last.sequence + 1, sequence - 1, 'dropped');
  }

  #compare(head: AuditHead): void {
    const found = this.#found.get(head.sequence);
    if (head.sequence > this.#last.sequence) this.#fault(this.#last.sequence + 1, 'truncated');
    else if (found !== undefined && found !== head.hash) this.#fault(head.sequence, 'rewritten');
  }

  #faultRange(from: number, to: number, fault: AuditLogFault['fault']): void {
    for (let at = from; at <= to && this.#faults.size < AUDIT_FAULTS_MAX; at += 1) this.#fault(at, fault);
  }

  #fault(sequence: number, fault: AuditLogFault['fault']): void {
    const known = this.#faults.get(sequence);
    const first = known === undefined && this.#faults.size < AUDIT_FAULTS_MAX;
    if (first || known === 'dropped') this.#faults.set(sequence, fault);
  }
}

/** Verifies a whole log, given in its own order. What `AuditChainVerifier` says of it. */
export function verifyAuditChain(records: Iterable<AuditRecord>, expected: ExpectedHeads = {}): AuditChainVerdict {
  const verifier = new AuditChainVerifier(expected);
  for (const record of records) verifier.add(record);
  return verifier.finish();
}

function isSealed(record: AuditRecord): boolean {
  try {
    return auditHash(record) === record.hash;
  } catch {
    // A date or a number that canonical JSON has no spelling for was never sealed.
    return false;
  }
}
