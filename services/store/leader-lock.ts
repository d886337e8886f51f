/** Leave to do what one process over a store does at a time. Disposing of it gives it up. */
export interface LeaderLock extends AsyncDisposable {
  /**
   * Whether no other process can have it: false from some seconds before one can, also in a process that stood still meanwhile. What was begun
   * while it was true may end later: a write that must not be overtaken carries its term (`TermStore`).
   */
  isHeld(): boolean;
  /** Aborts when it is held no longer. */
  readonly lost: AbortSignal;
}

export interface LeaderElection {
  /** Whether other processes may have the same store open. */
  readonly isShared: boolean;
  /** Undefined: another process has it. Rejects with a DependencyError where that cannot be found out. One at a time, of one store. */
  takeLeaderLock(): Promise<LeaderLock | undefined>;
}

/** For a store that is one process's own: it always leads. */
export function ownStoreElection(): LeaderElection {
  return {
    isShared: false,
    takeLeaderLock: () => {
      const ending = new AbortController();
      return Promise.resolve({
        isHeld: () => !ending.signal.aborted,
        lost: ending.signal,
        [Symbol.asyncDispose]: () => {
          ending.abort();
          return Promise.resolve();
        },
      });
    },
  };
}
