/** `read`, asked again only when its last answer is older than `keptMs`, and never twice at the same time. */
export function keptFor<T>(keptMs: number, elapsedMs: () => number, read: () => Promise<T>): () => Promise<T> {
  let last: Promise<T> | undefined;
  let readMs = 0;
  return () => {
    const nowMs = elapsedMs();
    if (last === undefined || nowMs - readMs >= keptMs) {
      readMs = nowMs;
      last = read();
    }
    return last;
  };
}
