import { z } from 'zod';

const path = z.string().min(1).max(4_096);

const passphrase = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('file'),
      path: path.describe('File with the passphrase as its one line, 12 to 1024 bytes; mode 0600 or stricter.'),
    }),
    z.strictObject({
      kind: z.literal('systemd-credential'),
      name: z
        .string()
        .regex(/^[A-Za-z0-9._-]{1,255}$/)
        .describe('Name of the credential that the unit loads (LoadCredentialEncrypted=).'),
    }),
  ])
  .describe('What opens the sealed key.');

/** Part of a path of the key server's API: nothing that could lead elsewhere. */
const pathPart = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}(?:\/[A-Za-z0-9][A-Za-z0-9._-]{0,127}){0,3}$/);

const vaultLogin = z
  .discriminatedUnion('method', [
    z.strictObject({
      method: z.literal('approle'),
      mount: pathPart.default('approle').describe('Where the method is mounted, below `auth/`.'),
      roleIdFile: path.describe('File with the role’s id.'),
      secretIdFile: path.describe('File with the secret id; mode 0600 or stricter. Read again at each login.'),
    }),
    z.strictObject({
      method: z.literal('kubernetes'),
      mount: pathPart.default('kubernetes').describe('Where the method is mounted, below `auth/`.'),
      role: z.string().min(1).max(256).describe('The role to log in to.'),
      tokenFile: path
        .default('/var/run/secrets/kubernetes.io/serviceaccount/token')
        .describe('The pod’s projected service-account token.'),
    }),
    z.strictObject({
      method: z.literal('cert'),
      mount: pathPart.default('cert').describe('Where the method is mounted, below `auth/`.'),
      role: z.string().min(1).max(256).optional().describe('The role; without it, the server tries all.'),
      certificate: path.describe('PEM: our client certificate.'),
      key: path.describe('PEM private key of it; mode 0600 or stricter.'),
    }),
  ])
  .describe('How the service logs in.');

const vaultSigner = z.strictObject({
  kind: z.literal('vault'),
  address: z
    .url({ protocol: /^https$/ })
    .max(2_048)
    .describe('URL of the Vault or OpenBao server.'),
  ca: path.describe('PEM: the only CA that its certificate may chain to.'),
  namespace: pathPart.optional().describe('Namespace, where the server has them.'),
  mount: pathPart.default('transit').describe('Where the transit engine is mounted.'),
  key: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/)
    .describe('Name of the key: type ecdsa-p256, not exportable.'),
  keyVersion: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(1)
    .describe('The version that the CA’s certificate is for. A rotation of the key does not move it.'),
  login: vaultLogin,
  patienceSeconds: z
    .int()
    .min(1)
    .max(30)
    .default(5)
    .describe(
      'How long a signature is tried for while the server is sealed or out of reach; then the join answers 503.',
    ),
});

const pkcs11Signer = z.strictObject({
  kind: z.literal('pkcs11'),
  module: path.describe('The PKCS #11 module: a shared library of the token’s maker.'),
  token: z.string().min(1).max(32).describe('The token’s label.'),
  key: z.string().min(1).max(256).describe('The key pair’s label: P-256, sensitive, not extractable.'),
  pinFile: path.describe('File with the user PIN as its one line; mode 0600 or stricter.'),
});

const fileSigner = z.strictObject({
  kind: z.literal('file'),
  key: path.describe('The private key, sealed with scrypt and AES-256-GCM.'),
  passphrase,
});

/** Where the issuing CA's private key is. */
export const signerSchema = z
  .discriminatedUnion('kind', [fileSigner, vaultSigner, pkcs11Signer])
  .describe('Where the issuing CA’s private key is.');

export type SignerConfig = z.output<typeof signerSchema>;
export type PassphraseSource = z.output<typeof passphrase>;

/** `config` with every path in it made absolute by `at`. */
export function withAbsoluteSignerPaths(config: SignerConfig, at: (path: string) => string): SignerConfig {
  switch (config.kind) {
    case 'file': {
      const { passphrase: secret } = config;
      const resolved = secret.kind === 'file' ? { ...secret, path: at(secret.path) } : secret;
      return { ...config, key: at(config.key), passphrase: resolved };
    }
    case 'vault':
      return { ...config, ca: at(config.ca), login: withAbsoluteLoginPaths(config.login, at) };
    case 'pkcs11':
      return { ...config, module: at(config.module), pinFile: at(config.pinFile) };
  }
}

function withAbsoluteLoginPaths(
  login: z.output<typeof vaultLogin>,
  at: (path: string) => string,
): z.output<typeof vaultLogin> {
  switch (login.method) {
    case 'approle':
      return { ...login, roleIdFile: at(login.roleIdFile), secretIdFile: at(login.secretIdFile) };
    case 'kubernetes':
      return { ...login, tokenFile: at(login.tokenFile) };
    case 'cert':
      return { ...login, certificate: at(login.certificate), key: at(login.key) };
  }
}
