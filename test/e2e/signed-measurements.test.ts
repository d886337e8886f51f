import { appendFile, cp, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { sha256Hex } from '#core/digest.ts';
import { utf8 } from '#core/bytes.ts';
import { type LiveService, liveService } from '#test/lab/live-service.ts';
import { type Ended, runProgram } from '#test/lab/programs.ts';

const NAME = 'edge-3';

interface Machine {
  readonly config: string;
  readonly home: string;
  readonly tokenFile: string;
  run(...args: readonly string[]): Promise<Ended>;
}

/** A machine without a TPM: files for it to measure, and the agent's configuration. */
async function machine(service: LiveService): Promise<Machine> {
  const config = await service.agentConfig(NAME, '/dev/no-tpm-here');
  const home = join(service.folder, NAME);
  const file = (name: string): string => join(home, name);
  await writeFile(file('vmlinuz'), 'a kernel');
  await writeFile(file('initrd'), 'an initial RAM disk');
  await writeFile(file('cmdline'), 'root=/dev/vda1 ro\n');
  await writeFile(file('image.sha256'), `${sha256Hex(utf8('an image'))}\n`);
  const measurements = {
    keyFile: file('measurement-key.pem'),
    tokenFile: file('token'),
    kernelFile: file('vmlinuz'),
    initrdFile: file('initrd'),
    commandLineFile: file('cmdline'),
    imageDigestFile: file('image.sha256'),
  };
  await appendFile(config, `attester: signed-measurements\nmeasurements: ${JSON.stringify(measurements)}\n`);
  return machineAt(service, config, home);
}

const machineAt = (service: LiveService, config: string, home: string): Machine => ({
  config,
  home,
  tokenFile: join(home, 'token'),
  run: (...args) => runProgram('muster-agent', [...args, '--config', config], service.folder),
});

/** Another machine with everything that the first one has. */
async function clone(service: LiveService, of: Machine): Promise<Machine> {
  const home = `${of.home}-copy`;
  await cp(of.home, home, { recursive: true });
  const config = join(home, 'agent.yaml');
  await writeFile(config, (await readFile(config, 'utf8')).replaceAll(of.home, home));
  return machineAt(service, config, home);
}

/** Has the pool take what the machine measures now. */
async function accept(service: LiveService, on: Machine): Promise<void> {
  const shown = await on.run('key', '-o', 'json');
  expect(shown).toMatchObject({ exitCode: 0 });
  const { kernel, initrd, commandLine, agent, image } = JSON.parse(shown.out).measurements;
  const accepted = { kernel: [kernel], initrd: [initrd], commandLines: [commandLine], agent: [agent], image: [image] };
  await service.changePolicy({ '    tpm2:\n': `    signedMeasurements: ${JSON.stringify(accepted)}\n    tpm2:\n` });
}

async function giveToken(service: LiveService, { tokenFile }: Machine): Promise<void> {
  const made = await service.muster('tokens', 'create', '--pool', 'general', '--name', NAME, '-o', 'json');
  expect(made).toMatchObject({ exitCode: 0 });
  await writeFile(tokenFile, `${JSON.parse(made.out).token}\n`, { mode: 0o600 });
}

const stateOf = async (service: LiveService): Promise<string> =>
  JSON.parse((await service.muster('nodes', 'show', NAME, '-o', 'json')).out).node.state;

describe('a machine without a TPM', () => {
  test(
    'enrols its key with a token, joins, renews, and is frozen when a copy of it shows up',
    { timeout: 120_000 },
    async () => {
      await using service = await liveService();
      const original = await machine(service);
      await accept(service, original);
      await giveToken(service, original);

      expect(await original.run('join')).toMatchObject({ exitCode: 0 });
      await expect(stat(original.tokenFile)).rejects.toThrow('ENOENT');
      expect((await stat(join(original.home, 'measurement-key.pem'))).mode & 0o777).toBe(0o600);
      expect(await original.run('join')).toMatchObject({ exitCode: 0 });

      const copy = await clone(service, original);
      expect(await original.run('join')).toMatchObject({ exitCode: 0 });
      expect(await original.run('join')).toMatchObject({ exitCode: 0 });
      const refused = await copy.run('join');
      expect(refused).toMatchObject({ exitCode: 77 });
      expect(await stateOf(service)).toBe('quarantined');
      expect(await original.run('join')).toMatchObject({ exitCode: 77 });
      const audit = await service.muster('audit', 'tail', '-o', 'json');
      expect(audit.out).toContain('node.conflict');
      expect((await service.muster('audit', 'verify')).exitCode).toBe(0);
    },
  );

  test(
    'gets nothing for a token that was revoked or used, and says which kind of no it was',
    { timeout: 120_000 },
    async () => {
      await using service = await liveService();
      const original = await machine(service);
      await accept(service, original);
      await giveToken(service, original);
      const [{ id }] = JSON.parse((await service.muster('tokens', 'list', '-o', 'json')).out).tokens;
      expect(await service.muster('tokens', 'revoke', id)).toMatchObject({ exitCode: 0 });
      const refused = await original.run('join');
      expect(refused).toMatchObject({ exitCode: 77 });
      expect(refused.err).toContain('token-refused');

      await giveToken(service, original);
      const kept = await readFile(original.tokenFile, 'utf8');
      expect(await original.run('join')).toMatchObject({ exitCode: 0 });
      const stranger = await clone(service, original);
      await writeFile(stranger.tokenFile, kept, { mode: 0o600 });
      const newKey = (await readFile(stranger.config, 'utf8')).replace('measurement-key.pem', 'another-key.pem');
      await writeFile(stranger.config, newKey);
      expect(await stranger.run('join')).toMatchObject({ exitCode: 77 });
      expect(await stateOf(service)).toBe('joined');
    },
  );

  test('is enrolled by its public key, and refused when it runs something else', { timeout: 120_000 }, async () => {
    await using service = await liveService();
    const original = await machine(service);
    await accept(service, original);
    const { publicKey } = JSON.parse((await original.run('key', '-o', 'json')).out);
    await writeFile(join(service.folder, 'edge-3.pem'), publicKey);
    const enrolled = await service.muster('enrol', NAME, '--pool', 'general', '--public-key', 'edge-3.pem');
    expect(enrolled).toMatchObject({ exitCode: 0 });
    expect(await original.run('join')).toMatchObject({ exitCode: 0 });
    await writeFile(join(original.home, 'vmlinuz'), 'another kernel');
    const refused = await original.run('join');
    expect(refused).toMatchObject({ exitCode: 77 });
    const [requestId = ''] = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(refused.err) ?? [];
    expect((await service.muster('joins', 'show', requestId)).out).toContain('measurement-refused');
  });
});
