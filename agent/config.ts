import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { isAbsolute, resolve } from 'node:path';

import { parseDocument } from 'yaml';
import { z } from 'zod';

import { isNodeName, type NodeName } from '#core/ids.ts';
import { type Certificate, parseCertificate } from '#pki/x509/certificate.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import { parsePemOf } from '#pki/x509/pem.ts';

import { isTpmAddress } from './tpm/device.ts';
import { EK_TYPES, type EkType } from './tpm/endorsement-key.ts';
import type { SpanCollector } from './tracing/send-spans.ts';

/** Where the configuration is, unless the command line says otherwise. */
export const DEFAULT_CONFIG_FILE = '/etc/muster/agent.yaml';

const MAX_FILE_SIZE = 262_144;

const path = (meaning: string) => z.string().max(1_024).refine(isAbsolute, 'an absolute path').describe(meaning);

const duration = (meaning: string) =>
  z
    .string()
    .regex(/^(?:0|[1-9][0-9]{0,5})[smh]$/, 'a whole number and s, m or h, for example 10m')
    .transform((text) => Number(text.slice(0, -1)) * ({ s: 1, m: 60, h: 3_600 }[text.slice(-1)] ?? 0))
    .describe(meaning);

const serviceUrl = z
  .url({ protocol: /^https$/, error: 'an https URL' })
  .max(512)
  .refine((text) => isOrigin(text), 'scheme, host and port only: https://host:port');

const tpmSchema = z
  .strictObject({
    device: z
      .string()
      .max(256)
      .refine(isTpmAddress, 'a device path, swtpm:unix:/path or swtpm:host:port')
      .default('/dev/tpmrm0')
      .describe('The TPM: a device file, or a software TPM’s socket.'),
    ekPreference: z
      .array(z.enum(EK_TYPES))
      .min(1)
      .max(EK_TYPES.length)
      .refine((list) => new Set(list).size === list.length, 'each type once')
      .default([...EK_TYPES])
      .describe('EK types in the order to try. The first that has a certificate in the TPM is used.'),
    eventLogFile: path('The firmware’s event log, sent where the service asks for it.').default(
      '/sys/kernel/security/tpm0/binary_bios_measurements',
    ),
    imaLogFile: path('The kernel’s IMA log, sent where the service asks for it.').default(
      '/sys/kernel/security/ima/binary_runtime_measurements',
    ),
  })
  .describe('How to reach the TPM and which of its keys to use.');

const measurementsSchema = z
  .strictObject({
    keyFile: path('The key (PEM) that signs the measurements, mode 0600; made when there is none.').default(
      '/var/lib/muster-agent/measurement-key.pem',
    ),
    tokenFile: path(
      'A join token that enrols the key, mode 0600. It is used where the file is there, and the file is removed then, unless it is on a read-only file system.',
    ).optional(),
    kernelFile: path('The kernel that runs, for example `/boot/vmlinuz-6.12`.').optional(),
    initrdFile: path('Its initial RAM disk. Absent: there is none.').optional(),
    commandLineFile: path('The kernel’s command line.').default('/proc/cmdline'),
    imageDigestFile: path(
      'A file with the SHA-256 of the machine’s image, in lower-case hex. Absent: there is none.',
    ).optional(),
  })
  .describe('What a machine without a TPM measures, and the key it signs that with.');

const waitSchema = z
  .strictObject({
    total: duration('How long one join may take, waiting included, before the agent gives up with exit code 75 or 69.')
      .refine((seconds) => seconds >= 1, 'at least 1s')
      .default(900),
    spreadFirst: duration(
      'The first request is delayed by a part of this time that depends on the node’s name, so that many nodes started at once do not ask at once.',
    ).default(0),
  })
  .describe('How patient the agent is.');

const tracingSchema = z
  .strictObject({
    endpoint: z
      .url({ protocol: /^https$/, error: 'an https URL' })
      .max(512)
      .optional()
      .describe(
        'URL where a collector takes traces, its path included: OTLP over HTTP in JSON. The parts of each join are sent there when it is over, once. Absent: they are not kept.',
      ),
    caFile: path('PEM file of the only CAs that may have signed the collector’s certificate.').optional(),
  })
  .refine(
    ({ endpoint, caFile }) => (endpoint === undefined) === (caFile === undefined),
    '`endpoint` and `caFile` go together',
  )
  .describe('Each join has a trace id, which its requests carry and the agent says. Off unless set; `{}` is enough.');

/** The agent’s configuration file, as written. Unknown members are refused: most are misspelt security settings. */
export const agentConfigSchema = z.strictObject({
  apiVersion: z.literal('muster/v1').describe('Always `muster/v1`.'),
  kind: z.literal('AgentConfig').describe('Always `AgentConfig`.'),
  services: z.array(serviceUrl).min(1).max(16).describe('URLs of the join service. They are tried in random order.'),
  serviceCaFile: path('PEM file of the CAs that may have signed the service’s certificate. No other CA is trusted.'),
  audience: z
    .string()
    .min(1)
    .max(255)
    .describe('The service’s configured identity, which the evidence is bound to. It is never taken from an answer.'),
  nodeName: z
    .string()
    .max(253)
    .optional()
    .describe('The name this node asks for. Without it, the machine’s host name in lower case.'),
  credentialDirectory: path(
    'Directory of the kubelet’s key and certificate; made with mode 0700. In memory unless set: the key does not outlive the machine’s run.',
  ).default('/run/muster-agent'),
  kubeconfigFile: path('The kubelet’s kubeconfig, written after each join.').default('/etc/kubernetes/kubelet.conf'),
  credentials: z
    .enum(['files', 'plugin'])
    .default('files')
    .describe(
      'How the kubelet gets its credential: `files`, the kubeconfig names the file in `credentialDirectory`; `plugin`, it names `muster-agent credential` as exec plugin.',
    ),
  pluginCommand: path('The agent’s program, as the kubeconfig names it where `credentials` is `plugin`.').default(
    '/usr/bin/muster-agent',
  ),
  nodeCaFile: path(
    'PEM file of the CA that node certificates must chain to, and no other. Without it, the agent keeps the roots that the service named first, and follows to a new one where one of those has signed it.',
  ).optional(),
  kubeletConfigFile: path('The kubelet’s configuration file, which `muster-agent doctor` looks into.').default(
    '/var/lib/kubelet/config.yaml',
  ),
  attester: z
    .enum(['tpm2', 'signed-measurements'])
    .default('tpm2')
    .describe('What the node proves itself with: its TPM, or without one a key that signs what it measures.'),
  tpm: tpmSchema.prefault({}),
  measurements: measurementsSchema.prefault({}),
  wait: waitSchema.prefault({}),
  tracing: tracingSchema.optional(),
});

/** What a machine without a TPM measures, and with which key it signs. Files that are not there are named by nobody. */
export type MeasurementsConfig = z.output<typeof measurementsSchema>;

/** How the kubelet gets its credential. */
export type CredentialDelivery =
  | { readonly kind: 'files' }
  /** The kubelet starts `command`, which reads `configFile`. Both are absolute paths. */
  | { readonly kind: 'plugin'; readonly command: string; readonly configFile: string };

/** What the agent works by. Every file it names that must be readable has been read. */
export interface AgentConfig {
  readonly services: readonly URL[];
  /** PEM. The only authorities for the service's TLS certificate. */
  readonly serviceCa: string;
  readonly audience: string;
  /** What the node will say its name is. */
  readonly claimedNodeName: NodeName;
  readonly credentialDirectory: string;
  readonly kubeconfigFile: string;
  readonly credentials: CredentialDelivery;
  /** What node certificates must chain to. Undefined: the issuer that the answer carries is believed. */
  readonly nodeCa: readonly Certificate[] | undefined;
  readonly kubeletConfigFile: string;
  readonly tpm: {
    readonly device: string;
    readonly ekPreference: readonly EkType[];
    readonly eventLogFile: string;
    readonly imaLogFile: string;
  };
  /** Set where the node attests without a TPM. */
  readonly measurements?: MeasurementsConfig | undefined;
  readonly wait: { readonly totalSeconds: number; readonly spreadFirstSeconds: number };
  /** Set where joins have a trace; with the collector that their parts are sent to, where there is one. */
  readonly tracing?: { readonly collector?: SpanCollector | undefined } | undefined;
}

/** The configuration cannot be used: every problem there is, each one sentence. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(file: string, problems: readonly string[]) {
    super(`${file}: ${problems.join('; ')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/**
 * The configuration in `file`, with defaults filled in and the CA files read. `hostName` is the machine's, for want of a configured node
 * name. Throws ConfigError with all problems at once.
 */
export async function loadConfig(file: string, hostName = hostname()): Promise<AgentConfig> {
  const text = await readText(file).catch((error: unknown) => {
    throw new ConfigError(file, [`cannot be read (${codeOf(error)})`]);
  });
  const parsed = agentConfigSchema.safeParse(parseYaml(file, text));
  if (!parsed.success) throw new ConfigError(file, parsed.error.issues.map(describeIssue));
  const { data } = parsed;
  const problems: string[] = [];
  const serviceCa = await readCas('serviceCaFile', data.serviceCaFile, problems);
  const nodeCa = data.nodeCaFile === undefined ? undefined : await readCas('nodeCaFile', data.nodeCaFile, problems);
  const tracing = data.tracing === undefined ? undefined : { collector: await readCollector(data.tracing, problems) };
  const claimedNodeName = nodeNameOf(data.nodeName, hostName, problems);
  if (data.attester === 'signed-measurements' && data.measurements.kernelFile === undefined)
    problems.push('measurements.kernelFile: needed where attester is signed-measurements');
  if (problems.length > 0 || claimedNodeName === undefined) throw new ConfigError(file, problems);
  const { audience, credentialDirectory, kubeconfigFile, kubeletConfigFile, tpm, wait } = data;
  return {
    services: data.services.map((url) => new URL(url)),
    serviceCa: serviceCa.text,
    audience,
    claimedNodeName,
    credentialDirectory,
    kubeconfigFile,
    credentials:
      data.credentials === 'plugin'
        ? { kind: 'plugin', command: data.pluginCommand, configFile: resolve(file) }
        : { kind: 'files' },
    nodeCa: nodeCa?.certificates,
    kubeletConfigFile,
    tpm,
    measurements: data.attester === 'tpm2' ? undefined : data.measurements,
    wait: { totalSeconds: wait.total, spreadFirstSeconds: wait.spreadFirst },
    tracing,
  };
}

function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  if (url === null) return false;
  return url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '' && url.password === '';
}

async function readText(file: string): Promise<string> {
  const text = await readFile(file, 'utf8');
  if (text.length > MAX_FILE_SIZE) throw new RangeError(`more than ${MAX_FILE_SIZE} characters`);
  return text;
}

/** One YAML 1.2 document of plain data: no second document, no duplicate member, no alias, nothing that the parser warns about. */
function parseYaml(file: string, text: string): unknown {
  const document = parseDocument(text, { version: '1.2', schema: 'core', stringKeys: true, merge: false });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined)
    throw new ConfigError(file, [`is not plain YAML: ${problem.message.split('\n')[0] ?? ''}`]);
  try {
    const value: unknown = document.toJS({ maxAliasCount: 0 });
    return value;
  } catch (error) {
    throw new ConfigError(file, [`is not plain YAML: ${codeOf(error)}`]);
  }
}

async function readCas(member: string, file: string, problems: string[]) {
  try {
    const text = await readText(file);
    return { text, certificates: parsePemOf('CERTIFICATE', text).map((der) => parseCertificate(der)) };
  } catch (error) {
    const isForm = error instanceof X509FormatError;
    const what = isForm ? `is not a PEM file of certificates (${error.message})` : `cannot be read (${codeOf(error)})`;
    problems.push(`${member}: ${file} ${what}`);
    return { text: '', certificates: [] };
  }
}

async function readCollector(
  { endpoint, caFile }: z.output<typeof tracingSchema>,
  problems: string[],
): Promise<SpanCollector | undefined> {
  if (endpoint === undefined || caFile === undefined) return undefined;
  return { endpoint: new URL(endpoint), ca: (await readCas('tracing.caFile', caFile, problems)).text };
}

function nodeNameOf(configured: string | undefined, hostName: string, problems: string[]): NodeName | undefined {
  const name = configured ?? hostName.trim().toLowerCase();
  if (isNodeName(name)) return name;
  const source = configured === undefined ? `the host name "${name}" is not one; set it` : `"${name}" is not one`;
  problems.push(`nodeName: a node name is an RFC 1123 subdomain of at most 52 characters, and ${source}`);
  return undefined;
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const where = issue.path.map(String).join('.');
  const what = issue.code === 'unrecognized_keys' ? `unknown: ${issue.keys.join(', ')}` : issue.message;
  return where === '' ? what : `${where}: ${what}`;
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return error instanceof Error ? error.message : String(error);
}
