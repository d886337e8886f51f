import { z } from 'zod';

const path = z.string().min(1).max(4_096);

const sqlite = z.strictObject({
  kind: z.literal('sqlite'),
  path: path.describe('Database file; made if it is missing. Its directory is the service’s alone (0700).'),
});

const postgres = z
  .strictObject({
    kind: z.literal('postgres'),
    host: z.string().min(1).max(1_024).describe('The server’s name or address, or the directory of its Unix socket.'),
    port: z.int().min(1).max(65_535).default(5_432).describe('The server’s port.'),
    database: z.string().min(1).max(63).default('muster').describe('The database, which is Muster’s alone.'),
    user: z.string().min(1).max(63).default('muster').describe('The role, which owns the database.'),
    passwordFile: path
      .optional()
      .describe(
        'File with the role’s password; mode 0600 or stricter. Without it: the certificate, or the socket’s peer.',
      ),
    ca: path
      .optional()
      .describe(
        'PEM: the only CA that the server’s certificate may chain to. Needed unless `host` is a socket’s directory.',
      ),
    certificate: path.optional().describe('PEM: our client certificate.'),
    key: path.optional().describe('PEM private key of it; mode 0600 or stricter.'),
    readers: z.int().min(1).max(64).default(4).describe('Connections that read; one more writes.'),
  })
  .superRefine(({ host, ca, certificate, key }, context) => {
    if (ca === undefined && !host.startsWith('/')) {
      context.addIssue({ code: 'custom', path: ['ca'], message: 'needed: the way to the database is over TLS' });
    }
    if ((certificate === undefined) !== (key === undefined)) {
      context.addIssue({ code: 'custom', path: ['key'], message: '`certificate` and `key` go together' });
    }
  });

export const storeSchema = z
  .discriminatedUnion('kind', [sqlite, postgres])
  .describe('Where nodes, certificates and the audit log are kept.');

export type StoreConfig = z.output<typeof storeSchema>;

/** `config` with every path in it made absolute by `at`. */
export function withAbsoluteStorePaths(config: StoreConfig, at: (path: string) => string): StoreConfig {
  if (config.kind === 'sqlite') return { ...config, path: at(config.path) };
  const absolute = (file: string | undefined) => (file === undefined ? undefined : at(file));
  const { passwordFile, ca, certificate, key } = config;
  const files = { passwordFile: absolute(passwordFile), ca: absolute(ca), certificate: absolute(certificate) };
  return { ...config, ...files, key: absolute(key) };
}
