import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { VaultAnswer, VaultRequest } from '#pki/vault/connection.ts';
import { VaultSession } from '#pki/vault/session.ts';
import { VaultError } from '#pki/vault/vault-error.ts';

/** A server of one token at a time, with a clock that only the test moves. */
class ScriptedServer {
  readonly asked: string[] = [];
  readonly leases: { lease_duration: number; renewable: boolean }[] = [];
  logins = 0;
  refusesRenewal = false;
  refusesLogin = false;
  nowMs = 0;
  /** Pauses that wait, by when they end. */
  #pauses: { readonly endsAt: number; readonly wake: () => void }[] = [];

  readonly ask = async ({ path, token }: VaultRequest): Promise<VaultAnswer> => {
    this.asked.push(path);
    if (path === 'auth/approle/login') {
      if (this.refusesLogin) return { status: 400, body: { errors: ['invalid secret id'] } };
      this.logins += 1;
      return this.#grant(`token-${this.logins}`);
    }
    if (token !== `token-${this.logins}`) return { status: 403, body: { errors: ['permission denied'] } };
    if (path !== 'auth/token/renew-self') return { status: 200, body: { data: path } };
    return this.refusesRenewal ? { status: 400, body: { errors: ['lease is not renewable'] } } : this.#grant(token);
  };

  readonly pause = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((wake, reject) => {
      this.#pauses.push({ endsAt: this.nowMs + ms, wake });
      signal.addEventListener('abort', () => reject(new Error('stopped')), { once: true });
    });

  /** Moves the clock, wakes whoever waits until then, and lets them do what they wake for. */
  async advance(ms: number): Promise<void> {
    this.nowMs += ms;
    const due = this.#pauses.filter(({ endsAt }) => endsAt <= this.nowMs);
    this.#pauses = this.#pauses.filter(({ endsAt }) => endsAt > this.nowMs);
    for (const { wake } of due) wake();
    await new Promise((settled) => setImmediate(settled));
    await new Promise((settled) => setImmediate(settled));
  }

  #grant(token: string): VaultAnswer {
    const { lease_duration, renewable } = this.leases.shift() ?? { lease_duration: 600, renewable: true };
    return { status: 200, body: { auth: { client_token: token, lease_duration, renewable } } };
  }
}

describe('a session with the key server', () => {
  let folder: string;
  let server: ScriptedServer;
  let session: VaultSession;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'muster-session-'));
    const login = {
      method: 'approle',
      mount: 'approle',
      roleIdFile: join(folder, 'role'),
      secretIdFile: join(folder, 'secret'),
    } as const;
    writeFileSync(login.roleIdFile, 'role');
    writeFileSync(login.secretIdFile, 'secret', { mode: 0o600 });
    server = new ScriptedServer();
    const { ask, pause } = server;
    const elapsedMs = (): number => server.nowMs;
    session = new VaultSession({
      connection: { ask },
      login,
      elapsedMs,
      pause,
      fraction: () => 0.5,
      requestTimeoutMs: 1,
    });
  });
  afterEach(async () => {
    await session[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  const read = () => session.call({ method: 'GET', path: 'transit/keys/ca' });

  test('logs in once for all who ask at once', async () => {
    await Promise.all([read(), read(), read()]);
    expect(server.logins).toBe(1);
  });

  test('renews its token when about two thirds of its life are over, and not before', async () => {
    await read();
    await server.advance(300_000);
    expect(server.asked).not.toContain('auth/token/renew-self');
    await server.advance(120_000);
    expect(server.asked.filter((path) => path === 'auth/token/renew-self')).toHaveLength(1);
    expect(server.logins).toBe(1);
  });

  test('logs in anew for a token that cannot be renewed, before it ends', async () => {
    server.leases.push({ lease_duration: 600, renewable: false });
    await read();
    await server.advance(420_000);
    await expect.poll(() => server.logins).toBe(2);
    expect(server.asked).not.toContain('auth/token/renew-self');
  });

  test('logs in anew when a renewal gives no more time', async () => {
    server.leases.push({ lease_duration: 600, renewable: true }, { lease_duration: 100, renewable: true });
    await read();
    await server.advance(420_000);
    await expect.poll(() => server.logins).toBe(2);
  });

  test('keeps the token that it has while neither renewal nor login works, and tries again', async () => {
    await read();
    server.refusesRenewal = true;
    server.refusesLogin = true;
    await server.advance(420_000);
    expect(await read()).toEqual({ data: 'transit/keys/ca' });
    server.refusesLogin = false;
    await server.advance(1_000);
    await expect.poll(() => server.logins).toBe(2);
  });

  test('asks a second time, and no third, where its token is refused', async () => {
    await read();
    server.logins = 7;
    expect(await read()).toEqual({ data: 'transit/keys/ca' });
    expect(server.logins).toBe(8);
  });

  test('says what the server says of a login', async () => {
    server.refusesLogin = true;
    await expect(read()).rejects.toThrow(VaultError);
    await expect(read()).rejects.toThrow('the server answers 400: invalid secret id');
  });

  test('does not use a token after its end', async () => {
    server.leases.push({ lease_duration: 1, renewable: true });
    await read();
    server.nowMs += 1_000;
    await read();
    expect(server.logins).toBe(2);
  });
});
