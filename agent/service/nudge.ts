/** A request to do now what would be done later. It stands until it is taken. */
export class Nudge {
  #controller = new AbortController();

  give(): void {
    this.#controller.abort();
  }

  /** Aborted while a nudge stands. Ask again after `take`: there is another then. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** True if a nudge stood; none does on return. */
  take(): boolean {
    if (!this.#controller.signal.aborted) return false;
    this.#controller = new AbortController();
    return true;
  }
}
