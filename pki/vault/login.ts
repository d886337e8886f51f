import { readFile } from 'node:fs/promises';

import { readPrivateFile } from '../private-file.ts';

/** How the service says who it is to the server. Files are read at each login, so that a rotated one is taken up. */
export type VaultLogin =
  | {
      readonly method: 'approle';
      readonly mount: string;
      readonly roleIdFile: string;
      /** Private: whoever has both may sign. */
      readonly secretIdFile: string;
    }
  | {
      readonly method: 'kubernetes';
      readonly mount: string;
      readonly role: string;
      /** A projected service-account token. */
      readonly tokenFile: string;
    }
  /** By the client certificate of the TLS connection. */
  | { readonly method: 'cert'; readonly mount: string; readonly role: string | undefined };

const FILE_MAX_BYTES = 16_384;

/** Path and body of the login call. Rejects when a file cannot be read, or may be read by others. */
export async function loginRequest(login: VaultLogin): Promise<{ readonly path: string; readonly body: unknown }> {
  const path = `auth/${login.mount}/login`;
  switch (login.method) {
    case 'approle': {
      const roleId = (await readFile(login.roleIdFile, 'utf8')).trim();
      const secretId = Buffer.from(await readPrivateFile(login.secretIdFile, FILE_MAX_BYTES))
        .toString('utf8')
        .trim();
      return { path, body: { role_id: roleId, secret_id: secretId } };
    }
    case 'kubernetes':
      // The kubelet writes it, with a mode of its own choosing.
      return { path, body: { role: login.role, jwt: (await readFile(login.tokenFile, 'utf8')).trim() } };
    case 'cert':
      return { path, body: login.role === undefined ? {} : { name: login.role } };
  }
}
