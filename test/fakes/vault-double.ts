import { createPublicKey, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';

import { z } from 'zod';

import { labNodeCa } from '#test/lab/node-ca.ts';
import { certificatePem, labServerIdentity } from '#test/lab/service-pki.ts';
import { signDigest } from '#test/lab/sign-digest.ts';

interface TransitKey {
  readonly type: 'ecdsa-p256' | 'ed25519';
  readonly exportable: boolean;
  readonly versions: readonly KeyObject[];
}

interface Token {
  readonly expiresAtMs: number;
  readonly leaseSeconds: number;
  readonly renewable: boolean;
}

interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

const signBody = z.strictObject({
  input: z.base64(),
  prehashed: z.literal(true),
  key_version: z.int().min(1),
  marshaling_algorithm: z.literal('asn1'),
});
const loginBody = z.strictObject({ role_id: z.string(), secret_id: z.string() });

const errors = (status: number, ...texts: string[]): Answer => ({ status, body: { errors: texts } });

/**
 * A Vault server as far as a signer speaks to it, strict where the real one is: seals, forgets tokens, keeps versions of keys. The contract
 * suite holds both to the same behaviour.
 */
export class VaultDouble implements AsyncDisposable {
  readonly roleId = randomUUID();
  readonly secretId = randomUUID();
  /** Method and path of every request, in order. */
  readonly asked: string[] = [];
  leaseSeconds = 3_600;
  renewable = true;
  sealed = false;
  readonly #keys = new Map<string, TransitKey>();
  readonly #tokens = new Map<string, Token>();
  readonly #server: Server;
  /** PEM of the CA that certifies it. */
  readonly ca: string;

  private constructor(server: Server, ca: string) {
    this.#server = server;
    this.ca = ca;
    server.on('request', (incoming, outgoing) => {
      void this.#answer(incoming).then(({ status, body }) => {
        outgoing.writeHead(status, { 'content-type': 'application/json' });
        outgoing.end(body === undefined ? undefined : JSON.stringify(body));
      });
    });
  }

  static async start(): Promise<VaultDouble> {
    const { management } = await labNodeCa({ now: new Date() });
    const { certificatePem: cert, keyPem: key } = await labServerIdentity(management);
    const server = createServer({ cert, key, minVersion: 'TLSv1.3' }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new VaultDouble(server, certificatePem(management.certificate));
  }

  get address(): URL {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('not listening');
    return new URL(`https://127.0.0.1:${address.port}`);
  }

  /** A new key, or a new version of the one there is. Resolves to the version's public key, PEM. */
  addKeyVersion(name: string, options: Partial<Pick<TransitKey, 'type' | 'exportable'>> = {}): string {
    const { type = 'ecdsa-p256', exportable = false, versions = [] } = { ...this.#keys.get(name), ...options };
    const pair =
      type === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#keys.set(name, { type, exportable, versions: [...versions, pair.privateKey] });
    return pair.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  }

  forgetTokens(): void {
    this.#tokens.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(incoming: IncomingMessage): Promise<Answer> {
    const { method = '', url = '' } = incoming;
    const [path = ''] = url.split('?');
    this.asked.push(`${method} ${path}`);
    let text = '';
    for await (const chunk of incoming) text += String(chunk);
    if (path === '/v1/sys/health') {
      return { status: this.sealed ? 503 : 200, body: { initialized: true, sealed: this.sealed, standby: false } };
    }
    if (this.sealed) return errors(503, 'Vault is sealed');
    const body: unknown = text === '' ? {} : JSON.parse(text);
    if (method === 'POST' && path === '/v1/auth/approle/login') return this.#logIn(body);
    const token = String(incoming.headers['x-vault-token'] ?? '');
    const known = this.#tokens.get(token);
    if (known === undefined || known.expiresAtMs < performance.now()) return errors(403, 'permission denied');
    if (method === 'POST' && path === '/v1/auth/token/renew-self') return this.#renew(token, known);
    const [, , mount, verb, name = '', hash] = path.split('/');
    if (mount !== 'transit') return errors(403, 'permission denied');
    if (method === 'GET' && verb === 'keys') return this.#readKey(name);
    if (method === 'POST' && verb === 'sign' && hash === 'sha2-256') return this.#sign(name, body);
    return errors(403, 'permission denied');
  }

  #logIn(body: unknown): Answer {
    const login = loginBody.safeParse(body);
    if (!login.success || login.data.role_id !== this.roleId) return errors(400, 'invalid role or secret ID');
    if (login.data.secret_id !== this.secretId) return errors(400, 'invalid role or secret ID');
    return this.#grant(`hvs.${randomUUID()}`, this.leaseSeconds, this.renewable);
  }

  #renew(token: string, { leaseSeconds, renewable }: Token): Answer {
    return renewable ? this.#grant(token, leaseSeconds, true) : errors(400, 'lease is not renewable');
  }

  #grant(token: string, leaseSeconds: number, renewable: boolean): Answer {
    this.#tokens.set(token, { expiresAtMs: performance.now() + leaseSeconds * 1_000, leaseSeconds, renewable });
    const auth = { client_token: token, lease_duration: leaseSeconds, renewable, token_type: 'service' };
    return { status: 200, body: { lease_duration: 0, renewable: false, data: null, auth } };
  }

  #readKey(name: string): Answer {
    const key = this.#keys.get(name);
    if (key === undefined) return { status: 404, body: { errors: [] } };
    const { type, exportable, versions } = key;
    const keys = Object.fromEntries(
      versions.map((version, index) => {
        const publicKey = version.asymmetricKeyType === 'ed25519' ? 'AAAA' : publicPem(version);
        return [String(index + 1), { name: 'P-256', public_key: publicKey }];
      }),
    );
    const data = { name, type, exportable, allow_plaintext_backup: false, latest_version: versions.length, keys };
    return { status: 200, body: { data } };
  }

  #sign(name: string, body: unknown): Answer {
    const key = this.#keys.get(name);
    if (key === undefined) return errors(400, 'signing key not found');
    const request = signBody.safeParse(body);
    if (!request.success) return errors(400, 'unsupported request');
    const { input, key_version: version } = request.data;
    const signingKey = key.versions[version - 1];
    if (signingKey === undefined) return errors(400, 'invalid key version');
    const digest = Buffer.from(input, 'base64');
    if (digest.byteLength !== 32) return errors(400, 'digest of another length than the hash algorithm’s');
    const signature = signDigest(signingKey, digest).toString('base64');
    return { status: 200, body: { data: { signature: `vault:v${version}:${signature}`, key_version: version } } };
  }
}

const publicPem = (key: KeyObject): string => createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
