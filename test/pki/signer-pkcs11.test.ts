import { createPublicKey, verify } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type Bytes, utf8 } from '#core/bytes.ts';
import { DependencyError } from '#core/dependency-error.ts';
import { openPkcs11Session } from '#pki/pkcs11/session.ts';
import { pkcs11Signer } from '#pki/signer-pkcs11.ts';
import { isBindingBuilt } from '#test/lab/pkcs11-binding.ts';
import { type LabToken, labToken, P384_CURVE, softHsmModule } from '#test/lab/softhsm.ts';

const modulePath = softHsmModule();
const isHere = modulePath !== undefined && (await isBindingBuilt());
const TBS = utf8('to be signed');

describe.skipIf(!isHere)('a signer over a PKCS #11 token (softhsm2, scripts/build-pkcs11)', () => {
  let token: LabToken;
  beforeAll(async () => {
    token = labToken(modulePath ?? '');
    await token.generateKey('issuing');
    await token.generateKey('another');
    await token.generateKey('extractable', { extractable: true });
    await token.generateKey('p384', { curveOid: P384_CURVE });
    await token.generateKey('twice');
    await token.generateKey('twice');
  });
  afterAll(() => token[Symbol.dispose]());

  const spkiOf = async (label: string): Promise<Bytes> => {
    const session = await openPkcs11Session(token, label);
    session.close();
    return session.spki;
  };
  const verifies = (spki: Bytes, tbs: Bytes, signature: Bytes): boolean =>
    verify('sha256', tbs, createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }), signature);

  test('signs with the key in the token', async () => {
    const spki = await spkiOf('issuing');
    await using signer = pkcs11Signer({ ...token, keyLabel: 'issuing', spki });
    await signer.probe();
    expect(verifies(spki, TBS, await signer.sign(TBS))).toBe(true);
  });

  test('signs many that are asked for at once, each for itself', async () => {
    const spki = await spkiOf('issuing');
    await using signer = pkcs11Signer({ ...token, keyLabel: 'issuing', spki });
    const texts = Array.from({ length: 16 }, (_, index) => utf8(`certificate ${index}`));
    const signatures = await Promise.all(texts.map((tbs) => signer.sign(tbs)));
    expect(texts.map((tbs, index) => verifies(spki, tbs, signatures[index] ?? TBS))).toEqual(texts.map(() => true));
  });

  test('refuses a key that is not the certificate’s', async () => {
    await using signer = pkcs11Signer({ ...token, keyLabel: 'issuing', spki: await spkiOf('another') });
    await expect(signer.sign(TBS)).rejects.toThrow(/is not the issuing CA certificate/);
  });

  test.each([
    ['that the token would hand out', 'extractable', /is extractable/],
    ['on another curve', 'p384', /is not P-256/],
    ['whose label another has too', 'twice', /more than one private key/],
    ['that is not there', 'nobody', /no private key labelled nobody/],
  ])('refuses a key %s', async (_, keyLabel, reason) => {
    await using signer = pkcs11Signer({ ...token, keyLabel, spki: await spkiOf('issuing') });
    await expect(signer.probe()).rejects.toThrow(reason);
    await expect(signer.sign(TBS)).rejects.toThrow(DependencyError);
  });

  test('says that a token is not there', async () => {
    const spki = await spkiOf('issuing');
    await using signer = pkcs11Signer({ ...token, tokenLabel: 'in another slot', keyLabel: 'issuing', spki });
    await expect(signer.probe()).rejects.toMatchObject({ dependency: 'signer' });
  });
});
