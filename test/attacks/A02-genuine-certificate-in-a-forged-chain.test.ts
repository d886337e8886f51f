import { beforeAll, describe, expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import { type CertifiedLab, certifiedLab } from '#test/lab/certified-join.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { issueEkCertificate, labEkCa } from '#test/lab/tpm-certificates.ts';

describe('A02 a chain that holds a genuine maker’s certificate and is signed by another', () => {
  let scene: CertifiedLab;
  /** A CA of the attacker’s, by the same names as the maker's. */
  const rogue = labEkCa();
  const rogueIssuer = labEkCa({ issuer: rogue });
  let forged: Bytes;
  let forgedBelow: Bytes;

  beforeAll(async () => {
    scene = await certifiedLab();
    forged = issueEkCertificate(rogue, { spki: scene.lab.tpm.ekSpki, keyType: 'ecc' });
    forgedBelow = issueEkCertificate(rogueIssuer, { spki: scene.lab.tpm.ekSpki, keyType: 'ecc' });
  });

  test('A02 the certificate by the maker is accepted, with its root beside it and without', async () => {
    expect(await scene.joinWith(scene.certificate)).toEqual(['ok']);
    expect(await scene.joinWith(scene.certificate, scene.maker.der)).toEqual(['ok']);
  });

  test.each<[string, () => readonly Bytes[]]>([
    ['the maker’s root behind it', () => [forged, scene.maker.der]],
    ['its own root behind it', () => [forged, rogue.der]],
    ['both roots behind it, the maker’s first', () => [forged, scene.maker.der, rogue.der]],
    ['both roots behind it, its own first', () => [forged, rogue.der, scene.maker.der]],
    ['the genuine certificate of the same EK behind it', () => [forged, scene.certificate, scene.maker.der]],
    ['an issuer below a root of the attacker’s', () => [forgedBelow, rogueIssuer.der, rogue.der, scene.maker.der]],
    ['the genuine certificate as its issuer', () => [forgedBelow, scene.certificate, rogueIssuer.der, scene.maker.der]],
  ])('A02 one by the attacker is refused with %s', async (_, chain) => {
    expect(await scene.joinWith(...chain())).toEqual(['evidence-rejected', 'ek-chain-untrusted']);
  });

  test('A02 a genuine certificate of another TPM first is refused, with the forged one behind it', async () => {
    const other = issueEkCertificate(scene.maker, { spki: labTpm().ekSpki, keyType: 'ecc' });
    expect(await scene.joinWith(other, forged, rogue.der)).toEqual([
      'evidence-rejected',
      'ek-certificate-key-mismatch',
    ]);
  });

  test('A02 a signature that was moved from the genuine certificate onto the forged one is refused', async () => {
    const signatureAt = scene.certificate.byteLength - 72;
    const grafted = Buffer.concat([
      forged.subarray(0, forged.byteLength - 72),
      scene.certificate.subarray(signatureAt),
    ]);
    const [problem] = await scene.joinWith(grafted, scene.maker.der);
    expect(problem).toBe('evidence-rejected');
  });
});
