import type { RandomSource } from '#core/random.ts';

import { ask, type ClusterClient, ClusterRefusal } from './cluster-client.ts';
import { parseList, parseWatchEvent } from './cluster-objects.ts';

/** Where objects of one kind end up. */
export interface ObjectSink<T> {
  /** Everything there is; what was known before and is not among it is gone. */
  readonly replaceAll: (objects: readonly T[]) => void;
  readonly put: (object: T) => void;
  readonly remove: (object: T) => void;
}

export interface FollowObjectsDeps<T> {
  readonly client: ClusterClient;
  /** Of the collection, without a query. */
  readonly path: string;
  /** Throws on what is no such object: the watch begins again. */
  readonly parse: (json: unknown) => T;
  readonly sink: ObjectSink<T>;
  /** Resolves after so many milliseconds, or when the signal aborts. */
  readonly pause: (ms: number, stop: AbortSignal) => Promise<void>;
  readonly random: RandomSource;
  readonly onFault: (error: unknown) => void;
}

const PAGE = 500;
/** The server ends a watch after this, and it goes on from where it was. */
const WATCH_SECONDS = 300;
const BETWEEN_MS = 100;
const RETRY_FIRST_MS = 200;
const RETRY_LAST_MS = 10_000;

/**
 * Lists the collection and then watches it, until `stop` aborts. A watch that ends or breaks goes on from the last version that was seen; where
 * the server no longer has that (410), everything is listed again. While the server is away the sink keeps what it has.
 */
export async function followObjects<T>(deps: FollowObjectsDeps<T>, stop: AbortSignal): Promise<void> {
  const place: { version: string | undefined } = { version: undefined };
  let failures = 0;
  while (!stop.aborted) {
    try {
      place.version ??= await listAll(deps, stop);
      await watchFrom(deps, place, stop);
      failures = 0;
    } catch (error) {
      if (stop.aborted) return;
      if (error instanceof ClusterRefusal && error.status === 410) place.version = undefined;
      failures += 1;
      deps.onFault(error);
    }
    await deps.pause(failures === 0 ? BETWEEN_MS : retryAfterMs(failures, deps.random), stop);
  }
}

/** Doubles up to ten seconds, and from half to all of it by chance. */
export function retryAfterMs(failures: number, random: RandomSource): number {
  const most = Math.min(RETRY_LAST_MS, RETRY_FIRST_MS * 2 ** Math.min(failures - 1, 10));
  return most * (0.5 + (random(1)[0] ?? 0) / 512);
}

/** The version that the list is of: that of its first page, for later pages are of the same. */
async function listAll<T>({ client, path, parse, sink }: FollowObjectsDeps<T>, stop: AbortSignal): Promise<string> {
  const objects: T[] = [];
  let next: string | undefined;
  let version: string;
  do {
    const query = new URLSearchParams({ limit: String(PAGE), ...(next === undefined ? {} : { continue: next }) });
    const page = parseList(await ask(client, { method: 'GET', path: `${path}?${query.toString()}` }, stop));
    objects.push(...page.items.map(parse));
    version = page.resourceVersion;
    next = page.next;
  } while (next !== undefined);
  sink.replaceAll(objects);
  return version;
}

async function watchFrom<T>(
  { client, path, parse, sink }: FollowObjectsDeps<T>,
  place: { version: string | undefined },
  stop: AbortSignal,
): Promise<void> {
  const query = new URLSearchParams({
    watch: 'true',
    allowWatchBookmarks: 'true',
    timeoutSeconds: String(WATCH_SECONDS),
    resourceVersion: place.version ?? '',
  });
  let fault: ClusterRefusal | undefined;
  const request = { method: 'GET', path: `${path}?${query.toString()}` } as const;
  const status = await client.watch(
    request.path,
    (json) => {
      const event = parseWatchEvent(json);
      if (event.kind === 'error') {
        fault = new ClusterRefusal(request, event.code);
        return;
      }
      if (event.kind === 'put') sink.put(parse(event.object));
      if (event.kind === 'removed') sink.remove(parse(event.object));
      place.version = event.resourceVersion;
    },
    stop,
  );
  if (status !== 200) throw new ClusterRefusal(request, status);
  if (fault !== undefined) throw fault;
}
