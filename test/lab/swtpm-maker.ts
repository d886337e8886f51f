import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { Bytes } from '#core/bytes.ts';

const run = promisify(execFile);

/** What every call of swtpm_localca states about the TPM, as swtpm_setup does. */
const TPM_FACTS = [
  ['--tpm-spec-family', '2.0'],
  ['--tpm-spec-level', '0'],
  ['--tpm-spec-revision', '164'],
  ['--tpm-manufacturer', 'id:00001014'],
  ['--tpm-model', 'swtpm'],
  ['--tpm-version', 'id:20191023'],
].flat();

/** A maker of software TPMs: a certificate authority of its own, in a temporary directory, and no file outside it. */
export interface SwtpmMaker extends AsyncDisposable {
  /** Makes a TPM's state in `stateDir`: RSA-2048 and P-384 EKs, persistent, each with its certificate in NV; these PCR banks and no others. `certificatesTo` is a directory for copies of the certificates, DER. */
  manufacture(stateDir: string, pcrBanks: readonly string[], certificatesTo?: string): Promise<void>;
  /** DER of an EK certificate for a key that swtpm_setup does not make. */
  certifyEcKey(curve: 'secp256r1', point: { readonly x: string; readonly y: string }): Promise<Bytes>;
  /** The maker's CA certificates, root first. They exist once a TPM has been made. */
  caPems(): Promise<readonly string[]>;
}

/** A new maker. Its CA keys are made with its first TPM. */
export async function swtpmMaker(): Promise<SwtpmMaker> {
  const dir = await mkdtemp(join(tmpdir(), 'muster-maker-'));
  const ca = join(dir, 'ca');
  const file = (name: string): string => join(dir, name);
  await mkdir(ca);
  await writeFile(
    file('localca.conf'),
    ['statedir', 'signingkey', 'issuercert', 'certserial']
      .map((key) => `${key} = ${key === 'statedir' ? ca : join(ca, CA_FILES[key] ?? '')}\n`)
      .join(''),
  );
  await writeFile(
    file('localca.options'),
    '--platform-manufacturer id:00001014\n--platform-version 1\n--platform-model swtpm\n',
  );
  await writeFile(
    file('setup.conf'),
    `create_certs_tool = swtpm_localca\ncreate_certs_tool_config = ${file('localca.conf')}\n` +
      `create_certs_tool_options = ${file('localca.options')}\nactive_pcr_banks = sha256,sha384\n`,
  );
  return {
    async manufacture(stateDir, pcrBanks, certificatesTo) {
      await mkdir(stateDir, { recursive: true });
      const tpm = ['--tpm2', '--tpm-state', stateDir, '--create-ek-cert', '--pcr-banks', pcrBanks.join(',')];
      const copies = certificatesTo === undefined ? [] : ['--write-ek-cert-files', certificatesTo];
      await run('swtpm_setup', [...tpm, ...copies, '--config', file('setup.conf')]);
    },
    async certifyEcKey(curve, { x, y }) {
      const out = await mkdtemp(file('ek-'));
      const key = ['--type', 'ek', '--ek', `x=${x},y=${y},id=${curve}`, '--tpm2', ...TPM_FACTS];
      const config = ['--configfile', file('localca.conf'), '--optsfile', file('localca.options'), '--dir', out];
      await run('swtpm_localca', [...key, ...config]);
      return readFile(join(out, 'ek.cert'));
    },
    caPems: () =>
      Promise.all(['swtpm-localca-rootca-cert.pem', 'issuercert.pem'].map((name) => readFile(join(ca, name), 'utf8'))),
    async [Symbol.asyncDispose]() {
      await rm(dir, { recursive: true, force: true });
    },
  };
}

const CA_FILES: Readonly<Record<string, string>> = {
  signingkey: 'signkey.pem',
  issuercert: 'issuercert.pem',
  certserial: 'certserial',
};
