import type { Log } from '#services/http/request-log.ts';

const ignore = (): void => undefined;

/** An operational log that nobody reads. */
export const silentLog: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
