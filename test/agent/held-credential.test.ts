import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { credentialFile } from '#agent/credential.ts';
import { isValidAt, readHeldCredential } from '#agent/held-credential.ts';
import { certificateFingerprint, type NodeName } from '#core/ids.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { encodePem, parsePem } from '#pki/x509/pem.ts';
import { localSigner } from '#pki/signer-file.ts';
import { labKey, labNodeCa } from '#test/lab/node-ca.ts';

import { labAnswer, labTime, subjectOf } from './lab-answer.ts';

const ca = await labNodeCa();
const key = labKey();
const keyPem = key.export({ type: 'pkcs8', format: 'pem' }).toString();
const { chainPem } = (await labAnswer(ca.issuing, { spki: localSigner(key).spki })).certificate;
const another = labKey().export({ type: 'pkcs8', format: 'pem' }).toString();
const garbled = encodePem('PRIVATE KEY', Buffer.from('30030201', 'hex'));

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'muster-held-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function read(text: string, name = 'worker-7') {
  await writeFile(credentialFile(directory), text, { mode: 0o600 });
  return readHeldCredential(directory, name as NodeName);
}

describe('the credential on the disk', () => {
  test('is read back as the join wrote it', async () => {
    const [leaf] = parsePem(chainPem);
    const der = leaf?.der ?? new Uint8Array();
    expect(await read(chainPem + keyPem)).toEqual({
      status: 'held',
      credential: {
        chainPem,
        keyPem,
        notBefore: parseCertificate(der).notBefore,
        notAfter: parseCertificate(der).notAfter,
        fingerprint: certificateFingerprint(der),
      },
    });
  });

  test('is none before the first join', async () => {
    expect(await readHeldCredential(join(directory, 'none'), 'worker-7' as NodeName)).toEqual({ status: 'none' });
  });

  test.each<[string, string, string, string?]>([
    ['is empty', '', 'not a certificate chain and a key'],
    ['has a key alone', keyPem, 'not a certificate chain and a key'],
    ['has a certificate alone', chainPem, 'not a certificate chain and a key'],
    ['has two keys', chainPem + keyPem + another, 'not a certificate chain and a key'],
    ['is cut off', (chainPem + keyPem).slice(0, -30), 'not a certificate chain and a key'],
    ['has a key that is none', chainPem + garbled, 'not a certificate chain and a key'],
    [
      'has something else as well',
      `${chainPem}${keyPem}${encodePem('PUBLIC KEY', Buffer.of(1))}`,
      'not a certificate chain',
    ],
    ['has the key of another certificate', chainPem + another, 'do not belong together'],
    ['is another node’s', chainPem + keyPem, 'not for worker-8', 'worker-8'],
    ['is longer than any', `${chainPem}${keyPem}${'\n'.repeat(140_000)}`, 'too long'],
  ])('is not used when it %s', async (_what, text, reason, name) => {
    const check = await read(text, name);
    expect(check).toEqual({ status: 'unusable', reason: expect.stringContaining(reason) });
  });

  test('is not used when its subject is not a node’s', async () => {
    const tbs = { subject: subjectOf('system:node:worker-7', 'system:masters') };
    const { certificate } = await labAnswer(ca.issuing, { spki: localSigner(key).spki, tbs });
    expect(await read(certificate.chainPem + keyPem)).toMatchObject({ status: 'unusable' });
  });

  test('is not used when others may have read the key', async () => {
    await read(chainPem + keyPem);
    await chmod(credentialFile(directory), 0o604);
    expect(await readHeldCredential(directory, 'worker-7' as NodeName)).toMatchObject({ status: 'unusable' });
  });

  test('is not used when it is no file', async () => {
    await mkdir(credentialFile(directory), { mode: 0o700 });
    expect(await readHeldCredential(directory, 'worker-7' as NodeName)).toMatchObject({ status: 'unusable' });
  });
});

describe('a certificate', () => {
  const life = { notBefore: labTime(0), notAfter: labTime(3_600_000) };

  test.each<[boolean, number, number]>([
    [true, 0, 0],
    [true, -299_999, 0],
    [false, -300_001, 0],
    [true, 3_599_999, 0],
    [false, 3_600_000, 0],
    [true, 3_539_999, 60_000],
    [false, 3_540_000, 60_000],
  ])('is valid: %s, %i ms after its first moment, with a margin of %i ms', (valid, ms, margin) => {
    expect(isValidAt(life, labTime(ms), margin)).toBe(valid);
  });
});
