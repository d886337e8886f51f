import { createPrivateKey, X509Certificate } from 'node:crypto';
import { access, constants, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

import { parse } from 'yaml';
import { z } from 'zod';

import type { AgentConfig } from '../config.ts';
import { credentialFile } from '../credential.ts';
import { type Check, fail, ok, warn } from './check.ts';

type Paths = Pick<AgentConfig, 'credentialDirectory' | 'kubeconfigFile' | 'kubeletConfigFile'>;

/** Whether the join's files can be written and are private, whether an earlier credential is whole, and what the kubelet would do with it. */
export async function checkFiles(config: Paths, now: Date): Promise<readonly Check[]> {
  return [
    await checkDirectory(config.credentialDirectory),
    await checkCredential(credentialFile(config.credentialDirectory), now),
    await checkWritable('kubeconfig', dirname(config.kubeconfigFile)),
    await checkKubelet(config.kubeletConfigFile),
  ];
}

async function checkDirectory(directory: string): Promise<Check> {
  const name = 'credential directory';
  const found = await modeOf(directory);
  if (found === undefined) return checkWritable(name, directory);
  if (found.isDirectory && (found.mode & 0o077) !== 0) {
    const advice = `run \`chmod 700 ${directory}\`, or the next join does`;
    return warn(name, `${directory} is open to others (mode ${octal(found.mode)})`, advice);
  }
  return checkWritable(name, directory);
}

async function checkCredential(file: string, now: Date): Promise<Check> {
  const name = 'credential';
  const found = await modeOf(file);
  if (found === undefined) return ok(name, 'none yet; a join writes it');
  if ((found.mode & 0o077) !== 0) {
    return fail(
      name,
      `${file} is open to others (mode ${octal(found.mode)})`,
      `run \`chmod 600 ${file}\`, then join again: others may have read the key`,
    );
  }
  const rejoin = 'run `muster-agent join`';
  try {
    const pem = await readFile(file, 'utf8');
    const certificate = new X509Certificate(pem);
    if (!certificate.checkPrivateKey(createPrivateKey(pem)))
      return fail(name, `key and certificate in ${file} do not belong together`, rejoin);
    const validTo = certificate.validToDate;
    if (validTo < now) return warn(name, `the certificate expired at ${validTo.toISOString()}`, rejoin);
    return ok(name, `valid until ${validTo.toISOString()}`);
  } catch (error) {
    return fail(name, `${file} cannot be read as a key and a certificate (${codeOf(error)})`, rejoin);
  }
}

/** About `directory`, or about the nearest one above it that exists: the rest is made by the join. */
async function checkWritable(name: string, directory: string): Promise<Check> {
  const advice = 'run the agent as root, or name another place in the configuration';
  try {
    if (!(await stat(directory)).isDirectory()) return fail(name, `${directory} is not a directory`, advice);
    await access(directory, constants.W_OK);
    return ok(name, `${directory} can be written`);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' && dirname(directory) !== directory) return checkWritable(name, dirname(directory));
    return fail(name, `${directory} cannot be written (${codeOf(error)})`, advice);
  }
}

const kubeletConfig = z.object({ rotateCertificates: z.boolean().optional() });

async function checkKubelet(file: string): Promise<Check> {
  const name = 'kubelet';
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    return ok(name, `no configuration of it at ${file} (${codeOf(error)}), so nothing was looked at`);
  }
  const parsed = kubeletConfig.safeParse(parseLenient(text));
  if (!parsed.success)
    return warn(name, `${file} is not a kubelet configuration`, 'name the right file in kubeletConfigFile');
  if (parsed.data.rotateCertificates === true) {
    const finding =
      'rotateCertificates is true, so the kubelet asks the cluster’s own CA for a certificate that outlives this one';
    return fail(name, finding, `set rotateCertificates: false in ${file} and restart the kubelet`);
  }
  return ok(name, 'rotateCertificates is off');
}

function parseLenient(text: string): unknown {
  try {
    return parse(text, { logLevel: 'silent' });
  } catch {
    return undefined;
  }
}

async function modeOf(path: string): Promise<{ readonly mode: number; readonly isDirectory: boolean } | undefined> {
  try {
    const found = await stat(path);
    return { mode: found.mode & 0o777, isDirectory: found.isDirectory() };
  } catch {
    return undefined;
  }
}

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
