import { readFile, stat } from 'node:fs/promises';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { utf8 } from '#core/bytes.ts';
import { certificateFingerprint } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import { Secret } from '#core/secret.ts';
import { administratorOf } from '#pki/administrator-subject.ts';
import { certificatePem, generateKey } from '#pki/ceremony.ts';
import { createRootCa } from '#pki/ca-certificates.ts';
import { sealKey } from '#pki/key-file.ts';
import { localSigner } from '#pki/signer-file.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { parsePemOf } from '#pki/x509/pem.ts';
import { renewAuthorizerIdentity } from '#services/commands/kubernetes-identity.ts';

import { recorder } from './recorder.ts';

const PASSPHRASE = 'a passphrase of the laboratory';
const NOW = new Date('2026-11-21T10:00:00Z');
const OPTIONS = { managementCa: 'ca.pem', managementKey: 'ca.key', passphraseFile: 'passphrase', out: 'identity.new' };

let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'muster-identity-'));
  const key = await generateKey();
  const context = { now: NOW, random: systemRandom };
  const ca = await createRootCa(
    'management-ca',
    { commonName: 'Lab CA', organization: 'Lab', lifetimeDays: 100 },
    localSigner(key),
    context,
  );
  const write = (name: string, content: string | Uint8Array): void =>
    writeFileSync(join(folder, name), content, { mode: 0o600 });
  write('ca.pem', certificatePem(ca.certificate));
  write('ca.key', await sealKey(key, new Secret(utf8(PASSPHRASE)), { label: 'Lab CA', random: systemRandom }));
  write('passphrase', `${PASSPHRASE}\n`);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('writes an identity of the authorizers for ninety days, and says what the list needs', async () => {
  const person = recorder(folder, NOW);
  await renewAuthorizerIdentity(OPTIONS, person);
  const file = join(folder, 'identity.new');
  const [der] = parsePemOf('CERTIFICATE', (await readFile(file, 'utf8')).split('-----BEGIN PRIVATE')[0] ?? '');
  if (der === undefined) throw new Error('a certificate');
  const certificate = parseCertificate(der);
  expect(administratorOf(certificate.subject)).toEqual({ name: 'authorizer', role: 'authorizer' });
  expect(person.said.out).toContain(certificateFingerprint(der));
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  await expect(renewAuthorizerIdentity(OPTIONS, person)).rejects.toMatchObject({ exitCode: 73 });
});

test('a wrong passphrase makes nothing', async () => {
  writeFileSync(join(folder, 'passphrase'), 'another passphrase altogether\n');
  await expect(renewAuthorizerIdentity(OPTIONS, recorder(folder, NOW))).rejects.toMatchObject({ exitCode: 78 });
  await expect(stat(join(folder, 'identity.new'))).rejects.toThrow('ENOENT');
});
