import { X509Certificate } from 'node:crypto';

import type { Bytes } from '#core/bytes.ts';
import { parsePemOf } from '#pki/x509/pem.ts';

import { ConfigError, readTextFile } from '#services/config/strict-document.ts';

/** Certificates in PEM, at least one, as text and as DER. Rejects with ConfigError. */
export async function readCertificates(file: string): Promise<{ text: string; ders: readonly Bytes[] }> {
  const text = await readTextFile(file);
  try {
    const ders = parsePemOf('CERTIFICATE', text);
    for (const der of ders) new X509Certificate(der);
    return { text, ders };
  } catch (error) {
    throw new ConfigError(file, [error instanceof Error ? error.message : 'not PEM certificates']);
  }
}
