import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';

import { z } from 'zod';

import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { parsePemOf } from '#pki/x509/pem.ts';

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._ -]{0,62}[A-Za-z0-9])?$/;
const ADMINISTRATOR = /^[A-Za-z0-9](?:[A-Za-z0-9 ._@-]{0,62}[A-Za-z0-9])?$/;
const DNS_NAME = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;

const port = (meaning: string, otherwise: number) =>
  z.coerce.number().int().min(1).max(65_535, `${meaning}: 1 to 65535`).default(otherwise);

/** The options of `muster init`, as the command line gives them. */
const optionsSchema = z.object({
  dir: z.string().min(1),
  name: z.string().regex(NAME, '1 to 64 letters, digits, space and ._-').default('muster'),
  dns: z.array(z.string().regex(DNS_NAME, 'a lower-case DNS name')).default([]),
  ip: z.array(z.string().refine((text) => isIP(text) !== 0 && !text.includes('%'), 'an IP address')).default([]),
  admin: z.string().regex(ADMINISTRATOR, '1 to 64 letters, digits, space and ._@-').default('admin'),
  passphraseFile: z.string().min(1).optional(),
  kubernetesUrl: z.url({ protocol: /^https$/, error: 'an https URL' }),
  kubernetesCa: z.string().min(1),
  nodePort: port('nodePort', 7_443),
  adminPort: port('adminPort', 7_444),
});

/** What `muster init` is to make. Paths are absolute. */
export interface InitPlan {
  readonly directory: string;
  readonly name: string;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly administrator: string;
  /** Undefined: a passphrase is made, and kept in a file of its own. */
  readonly passphraseFile: string | undefined;
  readonly kubernetes: { readonly apiServer: string; readonly caPem: string };
  readonly ports: { readonly node: number; readonly admin: number };
}

/** Checks the options, and reads the one file that they bring in. Throws CommandFailure with every fault. */
export function planInit(options: unknown, workingDirectory: string): InitPlan {
  const parsed = optionsSchema.safeParse(options);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `--${kebab(String(issue.path[0] ?? ''))}: ${issue.message}`);
    throw new CommandFailure(EXIT.usage, faults.join('; '), 'See `muster init --help`.');
  }
  const { dir, name, dns, ip, admin, passphraseFile, kubernetesUrl, kubernetesCa, nodePort, adminPort } = parsed.data;
  if (nodePort === adminPort)
    throw new CommandFailure(EXIT.usage, '--node-port and --admin-port: two ports are needed');
  return {
    directory: resolve(workingDirectory, dir),
    name,
    dnsNames: [...new Set(['localhost', ...dns])],
    ipAddresses: [...new Set(['127.0.0.1', '::1', ...ip])],
    administrator: admin,
    passphraseFile: passphraseFile === undefined ? undefined : resolve(workingDirectory, passphraseFile),
    kubernetes: { apiServer: kubernetesUrl, caPem: readPem(resolve(workingDirectory, kubernetesCa)) },
    ports: { node: nodePort, admin: adminPort },
  };
}

function readPem(file: string): string {
  try {
    const text = readFileSync(file, 'utf8');
    parsePemOf('CERTIFICATE', text);
    return text;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new CommandFailure(
      EXIT.usage,
      `--kubernetes-ca: ${file} is not a PEM file of certificates (${code})`,
      'It is the CA of your API server: on a kubeadm control plane /etc/kubernetes/pki/ca.crt.',
    );
  }
}

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
