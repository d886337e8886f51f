import { parseCertificate } from '#pki/x509/certificate.ts';
import { parsePemOf } from '#pki/x509/pem.ts';
import type { Log } from '#services/http/request-log.ts';
import type { TlsListener } from '#services/http/server.ts';
import { readIdentity } from '#services/material.ts';

/** A listener, and the files that its certificate and key are in. */
export interface Renewable {
  readonly name: 'node' | 'admin' | 'metrics';
  readonly files: { readonly certificate: string; readonly key: string };
  readonly listener: Pick<TlsListener, 'show'>;
}

/**
 * Reads each listener's certificate and key again, and shows them to connections from now on. Where the files are not fit for that, the listener
 * goes on with what it has; the log says which. Never rejects.
 */
export async function reloadIdentities(
  renewables: readonly Renewable[],
  log: Pick<Log, 'info' | 'error'>,
): Promise<void> {
  for (const { name, files, listener } of renewables) {
    try {
      const identity = await readIdentity(files);
      const [leaf] = parsePemOf('CERTIFICATE', identity.certificate).map((der) => parseCertificate(der));
      listener.show(identity);
      log.info({ listener: name, notAfter: leaf?.notAfter }, 'server certificate read');
    } catch (error) {
      log.error({ listener: name, err: error }, 'server certificate not read; the one that there was is shown on');
    }
  }
}
