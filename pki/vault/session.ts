import { type AuthAnswer, authAnswerSchema, errorAnswerSchema } from './answers.ts';
import type { VaultAnswer, VaultConnection, VaultRequest } from './connection.ts';
import { loginRequest, type VaultLogin } from './login.ts';
import { VaultError } from './vault-error.ts';

export interface VaultSessionDeps {
  readonly connection: Pick<VaultConnection, 'ask'>;
  readonly login: VaultLogin;
  /** By a clock that is never set. */
  readonly elapsedMs: () => number;
  /** Rejects when `signal` aborts. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  /** From 0 up to, not including, 1. */
  readonly fraction: () => number;
  /** How long one request may take. */
  readonly requestTimeoutMs: number;
}

interface Token {
  readonly value: string;
  readonly renewable: boolean;
  readonly expiresAtMs: number;
  /** When to renew it: at two thirds of its life, a little earlier or later. */
  readonly renewAtMs: number;
}

/** After a renewal or login that failed. */
const RETRY_MS = { first: 500, most: 30_000 };
/** A token that lives for ever is looked at once a day all the same. */
const LONGEST_LEASE_MS = 86_400_000;

/**
 * A token of ours, kept valid: renewed at two thirds of its life, replaced by a new login where it cannot be renewed or the server does not
 * know it any more. There is one login at a time, whoever waits for it.
 */
export class VaultSession implements AsyncDisposable {
  readonly #deps: VaultSessionDeps;
  readonly #stop = new AbortController();
  #token: Token | undefined;
  #login: Promise<Token> | undefined;
  #keeping: Promise<void> | undefined;

  constructor(deps: VaultSessionDeps) {
    this.#deps = deps;
  }

  /**
   * The body of the answer to a request that the server did. Refused for its token (403), it logs in anew and asks once more. Rejects with
   * VaultError, and with what the connection failed with.
   */
  async call(request: Pick<VaultRequest, 'method' | 'path' | 'body'>): Promise<unknown> {
    const token = await this.#validToken();
    const answer = await this.#ask({ ...request, token: token.value });
    if (answer.status !== 403) return bodyOf(answer);
    if (this.#token === token) this.#token = undefined;
    return bodyOf(await this.#ask({ ...request, token: (await this.#validToken()).value }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#keeping;
  }

  async #validToken(): Promise<Token> {
    const token = this.#token;
    if (token !== undefined && this.#deps.elapsedMs() < token.expiresAtMs) return token;
    return this.#logInOnce();
  }

  #logInOnce(): Promise<Token> {
    this.#login ??= this.#logIn().finally(() => {
      this.#login = undefined;
    });
    return this.#login;
  }

  async #logIn(): Promise<Token> {
    const { path, body } = await loginRequest(this.#deps.login);
    const { auth } = authAnswerSchema.parse(bodyOf(await this.#ask({ method: 'POST', path, body })));
    return this.#hold(auth);
  }

  #hold({ client_token: value, lease_duration: leaseSeconds, renewable }: AuthAnswer): Token {
    const now = this.#deps.elapsedMs();
    const leaseMs = leaseSeconds === 0 ? LONGEST_LEASE_MS : Math.min(leaseSeconds * 1_000, LONGEST_LEASE_MS);
    const share = 0.6 + this.#deps.fraction() * 0.13;
    const token = { value, renewable, expiresAtMs: now + leaseMs, renewAtMs: now + leaseMs * share };
    this.#token = token;
    this.#keeping ??= this.#keep();
    return token;
  }

  /** Keeps the token valid until the session is closed, so that no signature waits for a login. */
  async #keep(): Promise<void> {
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      const dueInMs = Math.max(0, (this.#token?.renewAtMs ?? 0) - this.#deps.elapsedMs());
      const delay = failures === 0 ? dueInMs : Math.min(RETRY_MS.most, RETRY_MS.first * 2 ** (failures - 1));
      try {
        await this.#deps.pause(delay, this.#stop.signal);
      } catch {
        return;
      }
      failures = await this.#refresh().then(
        () => 0,
        // The next request that needs a token says what is wrong; here it is only tried again.
        () => failures + 1,
      );
    }
  }

  async #refresh(): Promise<void> {
    const token = this.#token;
    if (token !== undefined && this.#deps.elapsedMs() < token.renewAtMs) return;
    if (token?.renewable === true) {
      const answer = await this.#ask({ method: 'POST', path: 'auth/token/renew-self', body: {}, token: token.value });
      if (answer.status === 200) {
        const { auth } = authAnswerSchema.parse(answer.body);
        const before = token.expiresAtMs;
        // A lease that hardly grows is near the token's end of life: a new login follows.
        if (this.#hold(auth).expiresAtMs > before) return;
      }
    }
    await this.#logInOnce();
  }

  #ask(request: Omit<VaultRequest, 'timeoutMs'>): Promise<VaultAnswer> {
    return this.#deps.connection.ask({ ...request, timeoutMs: this.#deps.requestTimeoutMs });
  }
}

function bodyOf({ status, body }: VaultAnswer): unknown {
  if (status === 200 || status === 204) return body;
  const parsed = errorAnswerSchema.safeParse(body);
  throw new VaultError(status, parsed.success ? parsed.data.errors : []);
}
