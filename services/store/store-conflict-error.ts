/**
 * What was asked contradicts what is recorded. `serial-known`: the serial was reserved before. `serial-not-signing`: it is not reserved
 * for this node, or not waiting for its certificate. `ticket-not-held`: this request did not take the ticket, or used it already.
 * `node-not-admissible`: no such node under that name, or its state allows no certificate. `generation-conflict`: the node's key has two
 * holders. `term-over`: another process leads by now. `list-overtaken`: a revocation list does not come
 * after the newest one.
 */
export type StoreConflict =
  | 'serial-known'
  | 'serial-not-signing'
  | 'ticket-not-held'
  | 'node-not-admissible'
  | 'generation-conflict'
  | 'term-over'
  | 'list-overtaken';

/** A write that the store refused because of what it has recorded. Nothing was changed. */
export class StoreConflictError extends Error {
  override readonly name = 'StoreConflictError';
  readonly code: StoreConflict;

  constructor(code: StoreConflict) {
    super(code);
    this.code = code;
  }
}
