import { randomBytes, verify } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { loadAttestationKey } from '#agent/tpm/attestation-key.ts';
import { quotePcrs } from '#agent/tpm/quote.ts';
import { toHex } from '#core/bytes.ts';
import { parseAttest } from '#tpm2/attest.ts';
import { decodePcrExtend, encodePcrExtend } from '#tpm2/commands/pcr.ts';
import { CC, CURVE, RH } from '#tpm2/constants.ts';
import { objectName, qualifiedName } from '#tpm2/name.ts';
import { pcrComposite } from '#tpm2/pcr.ts';
import { hasAnyAttribute, hasAttributes, parsePublicArea } from '#tpm2/public-area.ts';
import { publicAreaKey } from '#tpm2/public-key.ts';
import { ecdsaP1363, parseSignature } from '#tpm2/signature.ts';
import { canStartSwtpm, type Swtpm, startSwtpm } from '#test/lab/swtpm.ts';

import { handlesInUse, interceptedTpm, responseOf } from './handles.ts';

const ALL_PCRS = Array.from({ length: 24 }, (_, pcr) => pcr);

describe.skipIf(!canStartSwtpm())('the attestation key of a software TPM', () => {
  let swtpm: Swtpm;
  beforeAll(async () => {
    swtpm = await startSwtpm({ pcrBanks: ['sha256'] });
  });
  afterAll(() => swtpm.stop());

  test('signs only what the TPM made, cannot leave it, and is the same each time', async () => {
    await swtpm.using(async (tpm) => {
      const first = await loadAttestationKey(tpm);
      await first[Symbol.asyncDispose]();
      await using ak = await loadAttestationKey(tpm);
      expect(ak.publicArea).toEqual(first.publicArea);
      const area = parsePublicArea(ak.publicArea);
      expect(area.attributes).toBe(0x00050072);
      expect(hasAttributes(area, 'fixedTpm', 'fixedParent', 'sensitiveDataOrigin', 'restricted', 'sign')).toBe(true);
      expect(hasAnyAttribute(area, 'decrypt', 'encryptedDuplication')).toBe(false);
      expect(area).toMatchObject({ type: 'ecc', curve: 'P-256', scheme: { kind: 'ecdsa', hash: 'sha256' } });
    });
  });

  test('is the same after the power was off', async () => {
    const publicArea = () =>
      swtpm.using(async (tpm) => {
        await using ak = await loadAttestationKey(tpm);
        return toHex(ak.publicArea);
      });
    const before = await publicArea();
    await swtpm.powerCycle({ orderly: false });
    expect(await publicArea()).toBe(before);
  });

  test.each([
    [
      'lists no curve that it could use',
      Buffer.from('80010000001500000000000000000800000001', 'hex'),
      CURVE['P-384'].id,
    ],
    ['does not know elliptic curves at all', responseOf(0x1c4), undefined],
  ])('is RSA-2048 on a TPM that %s', async (_what, response, curve) => {
    await swtpm.using(async (tpm) => {
      const answer = curve === undefined ? response : Buffer.concat([response, Buffer.of(0, curve)]);
      await using ak = await loadAttestationKey(interceptedTpm(tpm, CC.getCapability, () => answer));
      const area = parsePublicArea(ak.publicArea);
      expect(area).toMatchObject({
        type: 'rsa',
        keyBits: 2048,
        attributes: 0x00050072,
        scheme: { kind: 'rsassa', hash: 'sha256' },
      });
    });
  });

  test('quotes more PCRs than one command reads, with the values that the quote covers', async () => {
    await swtpm.extendPcr(7);
    await swtpm.using(async (tpm) => {
      await using ak = await loadAttestationKey(tpm);
      const qualifyingData = randomBytes(32);
      const quoted = await quotePcrs(tpm, ak.handle, qualifyingData, [{ hash: 'sha256', pcrs: ALL_PCRS }]);
      const attest = parseAttest(quoted.attest);
      const signature = parseSignature(quoted.signature);
      const area = parsePublicArea(ak.publicArea);
      if (attest.type !== 'quote' || signature.scheme !== 'ecdsa') throw new Error('not an ECDSA quote');
      const p1363 = { key: publicAreaKey(area), dsaEncoding: 'ieee-p1363' } as const;
      expect(verify('sha256', quoted.attest, p1363, ecdsaP1363(signature, 'P-256'))).toBe(true);
      expect(Buffer.from(attest.extraData)).toEqual(qualifyingData);
      expect(quoted.values.map(({ pcr }) => pcr)).toEqual(ALL_PCRS);
      expect(toHex(attest.pcrDigest)).toBe(
        toHex(
          pcrComposite(
            'sha256',
            quoted.values.map(({ value }) => value),
          ),
        ),
      );
      expect(toHex(attest.qualifiedSigner)).toBe(
        toHex(qualifiedName(RH.endorsement, objectName(ak.publicArea, 'sha256'), 'sha256')),
      );
      // In the endorsement hierarchy the counters are not obscured: they are small.
      expect(attest.clockInfo.resetCount).toBeLessThan(100);
    });
  });

  test('begins again when a PCR changes between reading and quoting', async () => {
    await swtpm.using(async (tpm) => {
      await using ak = await loadAttestationKey(tpm);
      let quotes = 0;
      const disturbed = interceptedTpm(tpm, CC.quote, async () => {
        quotes += 1;
        if (quotes > 2) return undefined;
        decodePcrExtend(await tpm.transmit(encodePcrExtend(10, [{ hash: 'sha256', digest: randomBytes(32) }])));
        return undefined;
      });
      const quoted = await quotePcrs(disturbed, ak.handle, randomBytes(32), [{ hash: 'sha256', pcrs: [10, 0] }]);
      expect(quotes).toBe(3);
      const attest = parseAttest(quoted.attest);
      const digest = pcrComposite(
        'sha256',
        quoted.values.map(({ value }) => value),
      );
      expect(attest.type === 'quote' && toHex(attest.pcrDigest)).toBe(toHex(digest));
    });
  });

  test('gives up when PCRs never come to rest', async () => {
    await swtpm.using(async (tpm) => {
      await using ak = await loadAttestationKey(tpm);
      const restless = interceptedTpm(tpm, CC.quote, async () => {
        decodePcrExtend(await tpm.transmit(encodePcrExtend(10, [{ hash: 'sha256', digest: randomBytes(32) }])));
        return undefined;
      });
      const quoting = quotePcrs(restless, ak.handle, randomBytes(32), [{ hash: 'sha256', pcrs: [10] }]);
      await expect(quoting).rejects.toThrow('kept changing');
    });
  });

  test('says so when the bank asked for is switched off', async () => {
    await swtpm.using(async (tpm) => {
      {
        await using ak = await loadAttestationKey(tpm);
        const quoting = quotePcrs(tpm, ak.handle, randomBytes(32), [{ hash: 'sha384', pcrs: [0] }]);
        await expect(quoting).rejects.toMatchObject({ name: 'PcrUnavailableError', bank: 'sha384' });
      }
      expect(await handlesInUse(tpm)).toEqual([]);
    });
  });
});
