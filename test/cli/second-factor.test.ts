import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';

import { fido2Tools } from '#cli/fido2-tools.ts';
import { certificateFingerprint } from '#core/ids.ts';
import type { TlsIdentity } from '#test/lab/service-pki.ts';

import { type Desk, openDesk } from './administrator-desk.ts';
import { type Fido2Programs, fido2Programs } from './fido2-programs.ts';

const CREATE = ['tokens', 'create', '--pool', 'general', '--name', 'edge-1'];
const registrationSchema = z.object({
  securityKey: z.object({ name: z.string(), credentialId: z.string(), publicKey: z.string() }),
  fingerprint: z.string(),
});

describe('an act that needs a second factor', () => {
  let desk: Desk;
  let programs: Fido2Programs;
  let alice: TlsIdentity;
  let context: string;
  const list = (...securityKeys: readonly object[]): void => {
    const fingerprint = certificateFingerprint(alice.certificate.der);
    const administrators = [{ name: 'alice', fingerprint, securityKeys }];
    desk.running.writeList(JSON.stringify({ apiVersion: 'muster/v1', kind: 'Administrators', administrators }));
  };
  const muster = (args: readonly string[], isThere = true) =>
    desk.muster(['--context-file', context, ...args], isThere ? { securityKey: fido2Tools(programs.path) } : {});

  beforeAll(async () => {
    desk = await openDesk();
    programs = fido2Programs();
    alice = await desk.running.administrator('cluster-administrator', 'alice');
    context = desk.writeContext('alice', alice);
  });
  afterAll(async () => {
    programs[Symbol.dispose]();
    await desk[Symbol.asyncDispose]();
  });

  test('is done without one where the administrator has no key', async () => {
    list();
    expect(await muster(CREATE, false)).toMatchObject({ exitCode: 0 });
  });

  test('is signed by a key that `muster admin keys add` made, and asks for its touch once', async () => {
    const made = await muster(['admin', 'keys', 'add', '--name', 'blue', '--person', 'alice', '-o', 'json']);
    const { securityKey } = registrationSchema.parse(JSON.parse(made.out));
    list(securityKey);
    const before = programs.calls().length;
    const seen = await muster(CREATE);
    expect({ exitCode: seen.exitCode, err: seen.err }).toEqual({
      exitCode: 0,
      err: 'This needs a second factor: POST /v1/tokens. Touch your security key when it blinks.\n',
    });
    expect(programs.calls().slice(before)).toEqual([
      'fido2-token -L',
      'fido2-assert -G -t up=false /dev/hidraw7',
      'fido2-assert -G -p -v /dev/hidraw7',
    ]);
  });

  test('is signed again each time: a key whose counter stands still is refused', async () => {
    const seen = await muster(CREATE);
    expect(seen).toMatchObject({ exitCode: 77 });
    expect(seen.err).toContain('A fresh second factor is required: the assertion was not accepted');
    expect(seen.err).toContain('registered beside your certificate');
  });

  test.each<[string, readonly string[], boolean]>([
    ['nobody is at the terminal', CREATE, false],
    ['--no-input says so', [...CREATE, '--no-input'], true],
  ])('exits with 77, and signs nothing, where %s', async (_, args, isThere) => {
    const before = programs.calls().length;
    const seen = await muster(args, isThere);
    expect(seen).toMatchObject({ exitCode: 77, out: '' });
    expect(seen.err).toContain('this needs a touch of your security key, and nobody is there to be asked');
    expect(programs.calls()).toHaveLength(before);
  });

  test('exits with 77 where no security key is plugged in', async () => {
    programs.plug(false);
    const seen = await muster(CREATE);
    programs.plug(true);
    expect(seen).toMatchObject({ exitCode: 77 });
    expect(seen.err).toContain('no security key is plugged in');
  });

  test('says what to install where the programs are not there', async () => {
    const absent = fido2Tools((name) => `/nonexistent/${name}`);
    const seen = await desk.muster(['--context-file', context, ...CREATE], { securityKey: absent });
    expect(seen).toMatchObject({ exitCode: 78 });
    expect(seen.err).toContain('apt install fido2-tools');
  });

  test('what a security key made is printed as the list of administrators takes it, with a fingerprint to compare', async () => {
    const { out } = await muster(['admin', 'keys', 'add', '--name', 'blue', '--person', 'alice']);
    expect(out).toMatch(/^ {4}securityKeys:\n {6}- name: "blue"\n {8}credentialId: [\w-]+\n {8}publicKey: [\w-]+\n/);
    expect(out).toMatch(/Fingerprint to compare before it is registered: [0-9a-f]{64}/);
  });
});
