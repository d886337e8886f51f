import { createPublicKey, verify } from 'node:crypto';

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { DependencyError } from '#core/dependency-error.ts';
import { utf8 } from '#core/bytes.ts';
import type { ManagedSigner } from '#pki/signer.ts';
import { labVaultSigner } from '#test/lab/vault-signer.ts';

/** A key server, and the hand of its operator. */
export interface KeyServerUnderTest extends AsyncDisposable {
  readonly address: URL;
  readonly ca: string;
  readonly roleId: string;
  readonly secretId: string;
  /** A new key, or a new version of the one there is. Resolves to the version's public key, PEM. */
  readonly addKeyVersion: (
    name: string,
    options?: { type?: 'ecdsa-p256' | 'ed25519'; exportable?: boolean },
  ) => Promise<string>;
  /** Every token that was given out is worth nothing from here on. */
  readonly forgetTokens: () => Promise<void>;
  readonly seal: () => Promise<void>;
  readonly unseal: () => Promise<void>;
}

const TBS = utf8('to be signed');

/** What a signer relies on, of the real server and of its double. Without `start` the server is not on this machine: nothing is proven. */
export function keyServerContract(name: string, start: (() => Promise<KeyServerUnderTest>) | undefined): void {
  describe.skipIf(start === undefined)(`${name}, as a key server,`, () => {
    let server: KeyServerUnderTest;
    let count = 0;
    const open: ManagedSigner[] = [];
    beforeAll(async () => {
      if (start !== undefined) server = await start();
    });
    afterEach(async () => {
      for (const signer of open.splice(0)) await signer[Symbol.asyncDispose]();
    });
    afterAll(async () => {
      await server[Symbol.asyncDispose]();
    });

    const newName = (): string => `muster-ca-${++count}`;
    const signerFor = async (keyName: string, pem: string, keyVersion = 1): Promise<ManagedSigner> => {
      const signer = await labVaultSigner(server, { keyName, keyVersion, publicKeyPem: pem });
      open.push(signer);
      return signer;
    };

    test('signs with the key that never leaves it', async () => {
      const keyName = newName();
      const pem = await server.addKeyVersion(keyName);
      const signer = await signerFor(keyName, pem);
      await signer.probe();
      const signature = await signer.sign(TBS);
      expect(verify('sha256', TBS, createPublicKey(pem), signature)).toBe(true);
      expect(verify('sha256', utf8('another'), createPublicKey(pem), signature)).toBe(false);
    });

    test('signs many at once, each for itself', async () => {
      const keyName = newName();
      const pem = await server.addKeyVersion(keyName);
      const signer = await signerFor(keyName, pem);
      const texts = Array.from({ length: 8 }, (_, index) => utf8(`certificate ${index}`));
      const signatures = await Promise.all(texts.map((tbs) => signer.sign(tbs)));
      const key = createPublicKey(pem);
      expect(texts.map((tbs, index) => verify('sha256', tbs, key, signatures[index] ?? TBS))).toEqual(
        texts.map(() => true),
      );
    });

    test('goes on signing with the version that is pinned after the key was rotated', async () => {
      const keyName = newName();
      const pem = await server.addKeyVersion(keyName);
      const signer = await signerFor(keyName, pem);
      const next = await server.addKeyVersion(keyName);
      expect(verify('sha256', TBS, createPublicKey(pem), await signer.sign(TBS))).toBe(true);
      const rotated = await signerFor(keyName, next, 2);
      expect(verify('sha256', TBS, createPublicKey(next), await rotated.sign(TBS))).toBe(true);
    });

    test.each<[string, { type?: 'ed25519'; exportable?: boolean }, RegExp]>([
      ['a key of another type', { type: 'ed25519' }, /of type ed25519/],
      ['a key that may be exported', { exportable: true }, /is exportable/],
    ])('is not used with %s', async (_, options, reason) => {
      const keyName = newName();
      const pem = await server.addKeyVersion(newName());
      await server.addKeyVersion(keyName, options);
      const signer = await signerFor(keyName, pem);
      await expect(signer.probe()).rejects.toThrow(reason);
      await expect(signer.sign(TBS)).rejects.toThrow(DependencyError);
    });

    test('is not used with a key that is not the certificate’s', async () => {
      const keyName = newName();
      await server.addKeyVersion(keyName);
      const another = await server.addKeyVersion(newName());
      const signer = await signerFor(keyName, another);
      await expect(signer.probe()).rejects.toThrow(/is not the issuing CA certificate.s key/);
      await expect(signer.sign(TBS)).rejects.toThrow(DependencyError);
    });

    test('says that it does not know a key', async () => {
      const pem = await server.addKeyVersion(newName());
      const signer = await signerFor('nobody-made-it', pem);
      await expect(signer.probe()).rejects.toThrow(DependencyError);
    });

    test('forgets tokens, and a new login follows by itself', async () => {
      const keyName = newName();
      const pem = await server.addKeyVersion(keyName);
      const signer = await signerFor(keyName, pem);
      await signer.sign(TBS);
      await server.forgetTokens();
      expect(verify('sha256', TBS, createPublicKey(pem), await signer.sign(TBS))).toBe(true);
    });

    test('sealed, signs nothing and says so; unsealed, it signs again', async () => {
      const keyName = newName();
      const pem = await server.addKeyVersion(keyName);
      const signer = await signerFor(keyName, pem);
      await server.seal();
      await expect(signer.probe()).rejects.toThrow(/sealed/);
      await expect(signer.sign(TBS)).rejects.toMatchObject({ dependency: 'signer' });
      await server.unseal();
      await signer.probe();
      expect(verify('sha256', TBS, createPublicKey(pem), await signer.sign(TBS))).toBe(true);
    });
  });
}
