import { toHex } from '#core/bytes.ts';
import type { Clock } from '#core/clock.ts';
import type { RandomSource } from '#core/random.ts';

export interface TraceDeps {
  readonly now: Clock;
  /** Milliseconds by a clock that is never set. */
  readonly elapsedMs: () => number;
  readonly random: RandomSource;
}

/** One part of a join, over. */
export interface EndedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Undefined: it is the join itself. */
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: 'internal' | 'client';
  /** Milliseconds since 1970, by the machine's clock when the join began. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly failed: boolean;
}

/** A join asks again for minutes where it has to: of more parts than these nothing is kept. */
const SPANS_MAX = 128;

/** The trace of one join: its id, which every request carries, and how long each part took. */
export class JoinTrace {
  /** 16 random bytes in hex. */
  readonly id: string;
  readonly #deps: TraceDeps;
  readonly #own: string;
  readonly #begunMs: number;
  readonly #begunAtMs: number;
  readonly #ended: EndedSpan[] = [];
  #current: string;

  constructor(deps: TraceDeps) {
    this.#deps = deps;
    this.id = toHex(deps.random(16));
    this.#own = toHex(deps.random(8));
    this.#current = this.#own;
    this.#begunMs = deps.elapsedMs();
    this.#begunAtMs = deps.now().getTime();
  }

  /** For a request of the part that is under way: W3C Trace Context §3.2. */
  get traceparent(): string {
    return `00-${this.id}-${this.#current}-01`;
  }

  /** Does `work` as a part of the join. Gives and throws what it does. Parts follow one another. */
  async during<T>(name: string, kind: EndedSpan['kind'], work: () => Promise<T>): Promise<T> {
    const spanId = toHex(this.#deps.random(8));
    const fromMs = this.#nowMs();
    this.#current = spanId;
    let failed = true;
    try {
      const result = await work();
      failed = false;
      return result;
    } finally {
      this.#current = this.#own;
      const span = { name, kind, spanId, parentSpanId: this.#own, fromMs, failed };
      if (this.#ended.length < SPANS_MAX) this.#end(span);
    }
  }

  /** The join is over. All that is kept of it. */
  end(failed: boolean): readonly EndedSpan[] {
    const join = { name: 'join', kind: 'internal', spanId: this.#own, parentSpanId: undefined, failed } as const;
    this.#end({ ...join, fromMs: this.#begunAtMs });
    return this.#ended;
  }

  #end(span: Omit<EndedSpan, 'traceId' | 'toMs'>): void {
    this.#ended.push({ ...span, traceId: this.id, toMs: this.#nowMs() });
  }

  // The clock of a machine that boots may be set while it joins.
  #nowMs(): number {
    return this.#begunAtMs + (this.#deps.elapsedMs() - this.#begunMs);
  }
}
