/** Who may import whom, by folder; the longest name that fits a file's path is its folder. A folder may always import itself. */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  tpm2: ['core'],
  protocol: ['core'],
  'pki/x509': ['core'],
  pki: ['core', 'pki/x509'],
  attestation: ['core', 'tpm2', 'protocol', 'pki/x509'],
  agent: ['core', 'tpm2', 'protocol', 'pki/x509'],
  cli: ['core', 'protocol'],
  'services/http': ['core', 'protocol'],
  'services/store': ['core'],
  'services/audit': ['core', 'attestation', 'services/store'],
};

/** What every other `services/<name>` may import: these, and never another `services/<name>`. */
export const SERVICE_MAY_IMPORT: readonly string[] = [
  'core',
  'protocol',
  'attestation',
  'pki',
  'pki/x509',
  'services/http',
  'services/store',
  'services/audit',
];

/** Files that put the whole server together: `services/*.ts`, its composition, its configuration and the server-side commands. They may import anything that runs in it. */
export const COMPOSES = /^services\/(?:[^/]+\.ts|(?:commands|compose|config)\/.*)$/;

/** Folders that may import anything and that nothing else may import. */
export const ANYTHING: readonly string[] = ['test', 'scripts', 'bench'];

/** The one file of `cli/` that reaches the server-side commands, by dynamic import only. */
export const SERVER_COMMANDS_DOOR: readonly string[] = [
  'cli/server-commands.ts',
  'cli/ca-commands.ts',
  'cli/store-commands.ts',
];

/** npm packages by folder; what is not listed may not be imported there. */
export const MAY_IMPORT_PACKAGE: Readonly<Record<string, readonly string[]>> = {
  core: [],
  tpm2: [],
  protocol: ['zod'],
  'pki/x509': [],
  pki: ['zod', 'pkcs11js'],
  attestation: [],
  agent: ['zod', 'yaml', 'commander'],
  cli: ['commander', 'yaml', 'zod'],
  'services/kubernetes': ['zod', '@kubernetes/client-node', 'prom-client'],
  'services/tracing': [
    '@opentelemetry/api',
    '@opentelemetry/exporter-trace-otlp-http',
    '@opentelemetry/resources',
    '@opentelemetry/sdk-trace',
  ],
  services: ['age-encryption', 'express', 'kysely', 'pg', 'pino', 'prom-client', 'yaml', 'zod'],
};

/** Folders without input or output, and the modules they may therefore not import. */
export const PURE_FOLDERS: readonly string[] = ['core', 'tpm2', 'protocol', 'attestation'];
export const IO_MODULE =
  /^node:(?:fs|net|http|https|http2|tls|dns|dgram|child_process|worker_threads|cluster|readline|sqlite)(?:\/|$)/;
