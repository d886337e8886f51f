/** A request to the API server. */
export interface ClusterRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** With its query. */
  readonly path: string;
  /** JSON; of a PATCH a merge patch (RFC 7396). */
  readonly body?: object;
}

export interface ClusterAnswer {
  readonly status: number;
  /** Undefined where the answer is no JSON. */
  readonly json: unknown;
}

/** The API server, as one identity. Keeps nothing of what it answers. */
export interface ClusterClient extends Disposable {
  /** The answer, whatever its status. Rejects where none comes within `ANSWER_WITHIN_MS`, and when `stop` aborts. */
  readonly send: (request: ClusterRequest, stop: AbortSignal) => Promise<ClusterAnswer>;
  /**
   * A watch: `take` is called with each event. Resolves to the status when the server ends it (a status other than 200 has had no event).
   * Rejects when the connection breaks or is silent for `SILENT_MS`, when an event is no JSON, and when `stop` aborts.
   */
  readonly watch: (path: string, take: (event: unknown) => void, stop: AbortSignal) => Promise<number>;
}

/** For an answer. */
export const ANSWER_WITHIN_MS = 15_000;
/** A watch says something every minute: a bookmark where there is nothing else. */
export const SILENT_MS = 150_000;

/** An answer that is no success. */
export class ClusterRefusal extends Error {
  readonly status: number;

  constructor({ method, path }: Pick<ClusterRequest, 'method' | 'path'>, status: number) {
    super(`the API server answers ${status} to ${method} ${path.split('?', 1)[0]}`);
    this.name = 'ClusterRefusal';
    this.status = status;
  }
}

/** The body of an answer that is a success. Throws ClusterRefusal for any other. */
export async function ask(client: ClusterClient, request: ClusterRequest, stop: AbortSignal): Promise<unknown> {
  const { status, json } = await client.send(request, stop);
  if (status >= 200 && status < 300) return json;
  throw new ClusterRefusal(request, status);
}
