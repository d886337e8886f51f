import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createPrimary, readPublic } from '#agent/tpm/commands.ts';
import { EK_TYPES, findEkCertificates, openEndorsementKey } from '#agent/tpm/endorsement-key.ts';
import { readNvIndex } from '#agent/tpm/nv.ts';
import { type Bytes, concatBytes } from '#core/bytes.ts';
import { parsePem } from '#pki/x509/pem.ts';
import { decodeEvictControl, encodeEvictControl } from '#tpm2/commands/object.ts';
import { CC, RH } from '#tpm2/constants.ts';
import { parsePublicArea, writePublicArea } from '#tpm2/public-area.ts';
import { templatePublic } from '#tpm2/ek-template.ts';
import { canStartSwtpm, type Swtpm, startSwtpm } from '#test/lab/swtpm.ts';
import { removeMakerIndex, writeMakerIndex } from '#test/lab/swtpm-commands.ts';

import { handlesInUse, interceptedTpm, responseOf } from './handles.ts';

const RSA_CERTIFICATE = 0x01c00002;
const P256_CERTIFICATE = 0x01c0000a;
const P256_NONCE = 0x01c0000b;
const P256_TEMPLATE = 0x01c0000c;
const P384_CERTIFICATE = 0x01c00016;
const FIRST_ISSUER = 0x01c00100;
const SECOND_ISSUER = 0x01c00101;
/** TPM2_GetCapability's response where there are no handles of the kind asked for. */
const NO_HANDLES = Buffer.from('80010000001300000000000000000100000000', 'hex');

describe.skipIf(!canStartSwtpm())('the endorsement key of a software TPM', () => {
  let swtpm: Swtpm;
  beforeAll(async () => {
    swtpm = await startSwtpm({ ekTypes: EK_TYPES });
  });
  afterAll(() => swtpm.stop());

  test.each(EK_TYPES)('of type %s comes with its own certificate, and leaves nothing behind', async (type) => {
    await swtpm.using(async (tpm) => {
      {
        await using ek = await openEndorsementKey(tpm, [type]);
        expect(ek.type).toBe(type);
        expect(ek.certificates).toEqual([swtpm.ekCertificates.get(type)]);
        expect(ek.needsPolicySession).toBe(type !== 'p-384');
        expect(parsePublicArea(ek.publicArea).nameAlg).toBe(ek.nameAlg);
      }
      expect(await handlesInUse(tpm)).toEqual([]);
    });
  });

  test('is used where it is persistent, and made where it is not', async () => {
    await swtpm.using(async (tpm) => {
      await using persistent = await openEndorsementKey(tpm, ['rsa-2048']);
      await using made = await openEndorsementKey(tpm, ['p-256']);
      expect(persistent.handle).toBe(0x81010001);
      expect(made.handle >>> 24).toBe(0x80);
    });
  });

  test('is the same whether it is persistent or made', async () => {
    await swtpm.using(async (tpm) => {
      await using persistent = await openEndorsementKey(tpm, ['p-384']);
      const hidden = interceptedTpm(tpm, CC.readPublic, () => responseOf(0x18b));
      await expect(openEndorsementKey(hidden, ['p-384'])).rejects.toThrow('HANDLE');
      const none = interceptedTpm(tpm, CC.getCapability, (command) =>
        Buffer.from(command).readUInt32BE(14) === 0x81000000 ? NO_HANDLES : undefined,
      );
      await using made = await openEndorsementKey(none, ['p-384']);
      expect(made.handle).not.toBe(persistent.handle);
      expect(made.publicArea).toEqual(persistent.publicArea);
    });
  });

  test('is of the first type, in the order asked for, that has a certificate', async () => {
    await swtpm.using(async (tpm) => {
      const certificate = await readNvIndex(tpm, P256_CERTIFICATE);
      await removeMakerIndex(tpm, P256_CERTIFICATE);
      {
        await using ek = await openEndorsementKey(tpm, ['p-256', 'p-384', 'rsa-2048']);
        expect(ek.type).toBe('p-384');
      }
      await writeMakerIndex(tpm, P256_CERTIFICATE, certificate ?? new Uint8Array());
      await using ek = await openEndorsementKey(tpm, ['p-256', 'p-384', 'rsa-2048']);
      expect(ek.type).toBe('p-256');
    });
  });

  /** The TPM with P-256's certificate index rewritten by `edit`. */
  async function withP256Index<T>(
    edit: (certificate: Bytes) => Bytes,
    action: (tpm: Parameters<Parameters<Swtpm['using']>[0]>[0]) => Promise<T>,
  ): Promise<T> {
    return swtpm.using(async (tpm) => {
      const certificate = (await readNvIndex(tpm, P256_CERTIFICATE)) ?? new Uint8Array();
      await removeMakerIndex(tpm, P256_CERTIFICATE);
      await writeMakerIndex(tpm, P256_CERTIFICATE, edit(certificate));
      try {
        return await action(tpm);
      } finally {
        await removeMakerIndex(tpm, P256_CERTIFICATE);
        await writeMakerIndex(tpm, P256_CERTIFICATE, certificate);
      }
    });
  }

  const padded = (fill: number) => (certificate: Bytes) => concatBytes(certificate, Buffer.alloc(1_100, fill));
  const headed = (certificate: Bytes) =>
    concatBytes(Buffer.of(0x10, 0x01, 0x00, certificate.byteLength >> 8, certificate.byteLength & 0xff), certificate);

  test.each([
    ['nothing around it', (certificate: Bytes) => certificate],
    ['a fill of 00 after it', padded(0x00)],
    ['a fill of FF after it', padded(0xff)],
    ['a TCG header before it', headed],
  ])('has its certificate without %s', async (_what, edit) => {
    await withP256Index(edit, async (tpm) => {
      await using ek = await openEndorsementKey(tpm, ['p-256']);
      expect(ek.certificates).toEqual([swtpm.ekCertificates.get('p-256')]);
    });
  });

  test.each([
    ['a fill of something else', padded(0x41)],
    ['no certificate', () => Buffer.alloc(600, 0xff)],
    ['the beginning of a certificate', (certificate: Bytes) => certificate.subarray(0, -1)],
  ])('is passed over for another when its certificate’s index holds %s', async (_what, edit) => {
    await withP256Index(edit, async (tpm) => {
      const [finding] = await findEkCertificates(tpm, ['p-256']);
      expect(finding).toMatchObject({ status: 'malformed', index: P256_CERTIFICATE });
      await using ek = await openEndorsementKey(tpm, ['p-256', 'p-384']);
      expect(ek.type).toBe('p-384');
    });
  });

  test('is not one whose certificate is for another key', async () => {
    const other = swtpm.ekCertificates.get('p-384') ?? new Uint8Array();
    await withP256Index(
      () => other,
      async (tpm) => {
        await expect(openEndorsementKey(tpm, ['p-256'])).rejects.toThrow('none of the EK certificates');
        await using ek = await openEndorsementKey(tpm, ['p-256', 'rsa-2048']);
        expect(ek.type).toBe('rsa-2048');
        expect(await handlesInUse(tpm)).toEqual([]);
      },
    );
  });

  test('brings the issuers that the TPM holds, from the leaf upwards', async () => {
    const [root, issuer] = swtpm.caPems.map((pem) => parsePem(pem)[0]?.der ?? new Uint8Array());
    await swtpm.using(async (tpm) => {
      await writeMakerIndex(tpm, FIRST_ISSUER, root ?? new Uint8Array());
      await writeMakerIndex(tpm, SECOND_ISSUER, issuer ?? new Uint8Array());
      await using ek = await openEndorsementKey(tpm, ['p-256']);
      expect(ek.certificates).toEqual(
        [swtpm.ekCertificates.get('p-256'), issuer, root].map((der) => Buffer.from(der ?? [])),
      );
      await removeMakerIndex(tpm, FIRST_ISSUER);
      await removeMakerIndex(tpm, SECOND_ISSUER);
    });
  });

  test.each([
    ['a nonce that makes another key', P256_NONCE, Buffer.alloc(32, 7)],
    ['something too long for a nonce', P256_NONCE, Buffer.alloc(200, 7)],
    [
      'a template that makes another key',
      P256_TEMPLATE,
      Buffer.from(writePublicArea(templatePublic('L-2', Buffer.alloc(32, 9)))),
    ],
    ['something that is no template', P256_TEMPLATE, Buffer.alloc(40, 1)],
  ])('is found all the same where NV has %s', async (_what, index, contents) => {
    await swtpm.using(async (tpm) => {
      await writeMakerIndex(tpm, index, contents);
      {
        await using ek = await openEndorsementKey(tpm, ['p-256']);
        expect(ek.certificates).toHaveLength(1);
      }
      await removeMakerIndex(tpm, index);
      expect(await handlesInUse(tpm)).toEqual([]);
    });
  });

  test('is made with the nonce or template in NV where no certificate says otherwise', async () => {
    await swtpm.using(async (tpm) => {
      await removeMakerIndex(tpm, RSA_CERTIFICATE);
      await removeMakerIndex(tpm, P256_CERTIFICATE);
      await removeMakerIndex(tpm, P384_CERTIFICATE);
      const standard = await openEndorsementKey(tpm, ['p-256']);
      await standard[Symbol.asyncDispose]();
      await writeMakerIndex(tpm, P256_NONCE, Buffer.alloc(20, 7));
      const nonced = await openEndorsementKey(tpm, ['p-256']);
      await nonced[Symbol.asyncDispose]();
      await writeMakerIndex(tpm, P256_TEMPLATE, writePublicArea(templatePublic('L-2', Buffer.alloc(32, 9))));
      const templated = await openEndorsementKey(tpm, ['p-256']);
      await templated[Symbol.asyncDispose]();
      expect(
        new Set([standard, nonced, templated].map(({ publicArea }) => Buffer.from(publicArea).toString('hex'))).size,
      ).toBe(3);
      expect(standard.certificates).toEqual([]);
      for (const index of [P256_NONCE, P256_TEMPLATE]) await removeMakerIndex(tpm, index);
      for (const [type, index] of [
        ['rsa-2048', RSA_CERTIFICATE],
        ['p-256', P256_CERTIFICATE],
        ['p-384', P384_CERTIFICATE],
      ] as const) {
        await writeMakerIndex(tpm, index, swtpm.ekCertificates.get(type) ?? new Uint8Array());
      }
    });
  });

  test('has no certificate where the index for it was never written', async () => {
    await swtpm.using(async (tpm) => {
      await removeMakerIndex(tpm, P256_CERTIFICATE);
      await writeMakerIndex(tpm, P256_CERTIFICATE, new Uint8Array(), { size: 900 });
      expect(await findEkCertificates(tpm, ['p-256'])).toEqual([]);
      await using ek = await openEndorsementKey(tpm, ['p-256', 'p-384']);
      expect(ek.type).toBe('p-384');
      await removeMakerIndex(tpm, P256_CERTIFICATE);
      await writeMakerIndex(tpm, P256_CERTIFICATE, swtpm.ekCertificates.get('p-256') ?? new Uint8Array());
    });
  });

  test('is not a persistent key of the owner that looks like one', async () => {
    await using other = await startSwtpm({ ekTypes: [] });
    await other.using(async (tpm) => {
      {
        await using lookalike = await createPrimary(tpm, RH.owner, writePublicArea(templatePublic('L-2')));
        decodeEvictControl(await tpm.transmit(encodeEvictControl(lookalike.handle, 0x81010002)));
      }
      await using ek = await openEndorsementKey(tpm, ['p-256']);
      expect(ek.handle >>> 24).toBe(0x80);
      expect(ek.publicArea).not.toEqual((await readPublic(tpm, 0x81010002)).publicArea);
    });
  });

  test('leaves nothing behind when reading its issuers fails', async () => {
    await swtpm.using(async (tpm) => {
      await writeMakerIndex(tpm, FIRST_ISSUER, Buffer.alloc(10, 0x30));
      let reads = 0;
      const failing = interceptedTpm(tpm, CC.nvRead, () => ((reads += 1) > 2 ? responseOf(0x101) : undefined));
      await expect(openEndorsementKey(failing, ['p-256'])).rejects.toThrow('FAILURE');
      await removeMakerIndex(tpm, FIRST_ISSUER);
      expect(await handlesInUse(tpm)).toEqual([]);
    });
  });
});
