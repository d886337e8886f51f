import { createPublicKey, randomBytes, verify } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { utf8 } from '#core/bytes.ts';
import type { ManagedSigner } from '#pki/signer.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { verifyChain } from '#pki/x509/chain.ts';
import { STRICT_CHAIN } from '#pki/x509/chain-policy.ts';
import { CLIENT_AUTH } from '#pki/x509/purpose.ts';
import { LAB_NOW, labAdmission, labCsr, labIssuer, labNodeCa } from '#test/lab/node-ca.ts';

const TOGETHER = 24;

/** What the issuer relies on, wherever the key is. Without `open` the place is not on this machine: nothing is proven. */
export function signerContract(name: string, open: (() => Promise<ManagedSigner>) | undefined): void {
  describe.skipIf(open === undefined)(`a signer over ${name}`, () => {
    let signer: ManagedSigner;
    beforeAll(async () => {
      if (open !== undefined) signer = await open();
    });
    afterAll(() => signer[Symbol.asyncDispose]());

    const verifies = (tbs: Uint8Array, signature: Uint8Array): boolean =>
      verify('sha256', tbs, createPublicKey({ key: Buffer.from(signer.spki), format: 'der', type: 'spki' }), signature);

    test('says that it can be used', async () => {
      await expect(signer.probe()).resolves.toBeUndefined();
    });

    test.each([0, 1, 700, 1_000_000])('signs %d bytes, which its public key verifies', async (length) => {
      const tbs = randomBytes(length);
      const signature = await signer.sign(tbs);
      expect(verifies(tbs, signature)).toBe(true);
      expect(verifies(Buffer.concat([tbs, Buffer.of(0)]), signature)).toBe(false);
    });

    test('signs many at once, each for itself', async () => {
      const texts = Array.from({ length: TOGETHER }, (_, index) => utf8(`certificate ${index}`));
      const signatures = await Promise.all(texts.map((tbs) => signer.sign(tbs)));
      expect(texts.map((tbs, index) => verifies(tbs, signatures[index] ?? tbs))).toEqual(texts.map(() => true));
    });

    test('issues certificates that chain to the CA it is certified by', async () => {
      const ca = await labNodeCa({ issuingSigner: signer });
      const issuer = labIssuer(ca);
      const preparation = issuer.prepare(labAdmission(), labCsr(), LAB_NOW);
      if (!preparation.ok) throw new Error(preparation.code);
      const { der } = await issuer.sign(preparation.prepared);
      const verdict = verifyChain({
        leaf: parseCertificate(der),
        intermediates: [parseCertificate(ca.issuing.certificate.der)],
        anchors: [parseCertificate(ca.root.certificate.der)],
        now: LAB_NOW,
        purpose: CLIENT_AUTH,
        policy: STRICT_CHAIN,
      });
      expect(verdict.ok).toBe(true);
    });
  });
}
