import { beforeAll, describe, expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import { systemRandom } from '#core/random.ts';
import { bitString, nullValue, oid, sequence, unsignedInteger } from '#pki/x509/der-writer.ts';
import { KEY_ALGORITHM } from '#pki/x509/oids.ts';
import { type CertifiedLab, certifiedLab } from '#test/lab/certified-join.ts';
import { cpuMs } from '#test/lab/cpu-time.ts';
import { answerName, challengeBodyOf, FIRST, postChallenge, twoNodes } from '#test/lab/two-nodes.ts';
import { issueEkCertificate, type LabEkCa, labEkCa } from '#test/lab/tpm-certificates.ts';

/** What a refusal may cost. */
const MOST_MS = 10;

/** An odd number of `bits` bits that nobody has factored, because nobody made it from factors. */
function modulus(bits: number): Bytes {
  const bytes = Uint8Array.from(systemRandom(bits / 8));
  bytes[0] = (bytes[0] ?? 0) | 0x80;
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) | 1;
  return bytes;
}

const rsaSpki = (n: Bytes, e: Bytes): Bytes =>
  sequence(
    sequence(oid(KEY_ALGORITHM.rsaEncryption), nullValue()),
    bitString(sequence(unsignedInteger(n), unsignedInteger(e))),
  );
const F4 = Buffer.of(1, 0, 1);

describe('A06 keys and chains that cost more to judge than to send', () => {
  let scene: CertifiedLab;

  beforeAll(async () => {
    scene = await certifiedLab();
    await scene.joinWith(scene.certificate);
  });

  const chainOf = (length: number): readonly LabEkCa[] => {
    const chain = [labEkCa()];
    while (chain.length < length) chain.unshift(labEkCa({ issuer: chain[0] ?? labEkCa() }));
    return chain;
  };

  test('A06 the certificate that a TPM has is accepted', async () => {
    expect(await scene.joinWith(scene.certificate)).toEqual(['ok']);
  });

  test.each<[string, () => Bytes]>([
    ['an RSA key of 4,096 bits', () => rsaSpki(modulus(4_096), F4)],
    ['an RSA key of 8,192 bits', () => rsaSpki(modulus(8_192), F4)],
    ['an RSA key of 16,384 bits', () => rsaSpki(modulus(16_384), F4)],
    ['an RSA key of 32,768 bits', () => rsaSpki(modulus(32_768), F4)],
    ['an exponent of 2,048 bits', () => rsaSpki(modulus(2_048), modulus(2_048))],
    ['an exponent of 3', () => rsaSpki(modulus(2_048), Buffer.of(3))],
    ['an exponent of 1', () => rsaSpki(modulus(2_048), Buffer.of(1))],
    ['an even modulus', () => rsaSpki(Buffer.concat([modulus(2_040), Buffer.of(0)]), F4)],
    ['a modulus of 0', () => rsaSpki(Buffer.of(0), F4)],
  ])(`A06 as EK or as issuer, %s is refused within ${MOST_MS} ms of the processor`, async (_case, spki) => {
    const key = spki();
    const leaf = issueEkCertificate(scene.maker, { spki: key, keyType: 'rsa' });
    const issuer = issueEkCertificate(scene.maker, {
      spki: key,
      keyType: 'rsa',
      extensions: (good) => Object.values(good),
    });
    const own = issueEkCertificate(labEkCa(), { spki: scene.lab.tpm.ekSpki, keyType: 'ecc' });
    const outcomes: (readonly string[])[] = [];
    const asEk = await cpuMs(async () => outcomes.push(await scene.joinWith(leaf)));
    const asIssuer = await cpuMs(async () => outcomes.push(await scene.joinWith(own, issuer)));
    expect(new Set(outcomes.map(([told]) => told))).toEqual(new Set(['evidence-rejected']));
    // A whole join of the laboratory, its TPM included, is measured: two signatures of the TPM's and its ECDH are part of it.
    expect(Math.max(asEk, asIssuer) - (await honestMs())).toBeLessThan(MOST_MS);
  });

  test.each<[string, () => readonly Bytes[]]>([
    ['a certificate with four issuers that all have its issuer’s name', () => [forged(), ...oneName(4)]],
    ['a chain of four issuers to nobody', () => [forged(), ...chainOf(4).map(({ der }) => der)]],
    ['four times the certificate itself', () => [forged(), forged(), forged(), forged(), forged()]],
  ])(`A06 %s is refused within ${MOST_MS} ms of the processor`, async (_case, chain) => {
    const certificates = chain();
    const outcomes: (readonly string[])[] = [];
    const ms = await cpuMs(async () => outcomes.push(await scene.joinWith(...certificates)));
    expect(new Set(outcomes.map(([told]) => told))).toEqual(new Set(['evidence-rejected']));
    expect(ms - (await honestMs())).toBeLessThan(MOST_MS);
  });

  test('A06 a chain of 100 certificates is not read at all', async () => {
    await using service = await twoNodes();
    const body = challengeBodyOf(service.first, FIRST);
    const withMany = (certificate: string) => ({
      ...body,
      attester: { ...body.attester, ekCertificates: Array(100).fill(certificate) },
    });
    const whole = Buffer.from(scene.certificate).toString('base64url');
    expect(answerName(await postChallenge(service.client, withMany(whole)))).toBe('payload-too-large');
    expect(answerName(await postChallenge(service.client, withMany('QQ')))).toBe('malformed-request');
    expect(answerName(await postChallenge(service.client, body))).toBe('ok');
  });

  const honestMs = () => cpuMs(() => scene.joinWith(scene.certificate));
  const forged = (): Bytes => issueEkCertificate(labEkCa(), { spki: scene.lab.tpm.ekSpki, keyType: 'ecc' });

  /** CAs of the same name, each with a key of its own: any may have signed. */
  const oneName = (count: number): readonly Bytes[] => Array.from({ length: count }, () => labEkCa().der);
});
