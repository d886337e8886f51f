/** What was found when something was last asked whether it works. */
export interface Probed {
  /** Why it does not, in a few words without secrets. Undefined: it answered. */
  readonly fault: string | undefined;
  /** How long the answer took. Undefined: there was none yet. */
  readonly seconds: number | undefined;
}

export interface ProberOptions {
  readonly name: string;
  /** Resolves where it works; rejects where not. */
  readonly probe: () => Promise<unknown>;
  readonly everyMs: number;
  /** An answer that takes longer counts as none. */
  readonly patienceMs: number;
  readonly elapsedMs: () => number;
  /** Resolves after the time, or when the signal aborts. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Told when it starts or ceases to work. */
  readonly onChange: (fault: string | undefined) => void;
}

/** Something that is asked again and again whether it works, until it is disposed of. */
export interface Prober extends AsyncDisposable {
  readonly last: () => Probed;
}

/** Begins to ask. The first answer is there when the promise resolves, or its absence. */
export async function startProber(options: ProberOptions): Promise<Prober> {
  const { everyMs, pause, onChange } = options;
  const stop = new AbortController();
  let last = await probeOnce(options);
  if (last.fault !== undefined) onChange(last.fault);
  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await pause(everyMs, stop.signal);
      if (stop.signal.aborted) return;
      const before = last;
      last = await probeOnce(options);
      if ((before.fault === undefined) !== (last.fault === undefined)) onChange(last.fault);
    }
  };
  const running = run();
  return {
    last: () => last,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await running;
    },
  };
}

async function probeOnce({ name, probe, patienceMs, elapsedMs, pause }: ProberOptions): Promise<Probed> {
  const begunMs = elapsedMs();
  const over = new AbortController();
  const tooLong = pause(patienceMs, over.signal).then((): Probed => ({
    fault: `the ${name} does not answer`,
    seconds: undefined,
  }));
  const answered = probe().then(
    (): Probed => ({ fault: undefined, seconds: (elapsedMs() - begunMs) / 1_000 }),
    (error: unknown): Probed => ({
      fault: error instanceof Error ? error.message : `the ${name} failed`,
      seconds: undefined,
    }),
  );
  try {
    return await Promise.race([answered, tooLong]);
  } finally {
    over.abort();
  }
}
