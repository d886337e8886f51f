import { z } from 'zod';

import { DependencyError } from '#core/dependency-error.ts';
import { type CertificateFingerprint, isCertificateFingerprint } from '#core/ids.ts';
import type { IsAdministrator } from '#services/http/principal.ts';

import { parseDocumentText, readTextFile } from './strict-document.ts';

const fingerprint = z
  .string()
  .max(64)
  .refine(isCertificateFingerprint, 'not a SHA-256 in lower-case hex')
  .describe('SHA-256 of the certificate’s DER, lower-case hex.');

/** The file that `listeners.admin.administrators` names. Its role is in each certificate; standing in this list is what makes it count. */
export const administratorsSchema = z.strictObject({
  apiVersion: z.literal('muster/v1').describe('Always `muster/v1`.'),
  kind: z.literal('Administrators').describe('Always `Administrators`.'),
  administrators: z
    .array(
      z.strictObject({
        name: z.string().min(1).max(64).describe('Whose certificate it is, for the people who keep this list.'),
        fingerprint,
      }),
    )
    .max(1_024)
    .describe('Empty: nobody can administer the service.'),
});

/** The file as written. */
export type AdministratorsFile = z.input<typeof administratorsSchema>;

/**
 * Whether a certificate stands in the list in `file` now. The file is read for every question, so who is taken off it is refused on
 * the next request, on an open connection too. A file that cannot be read or is malformed stands for nobody: DependencyError.
 */
export function administratorList(file: string): IsAdministrator {
  let lastText: string | undefined;
  let last: ReadonlySet<CertificateFingerprint> = new Set();
  return async (wanted) => {
    try {
      const text = await readTextFile(file);
      if (text !== lastText) {
        last = parseAdministrators(text, file);
        lastText = text;
      }
      return last.has(wanted);
    } catch (cause) {
      throw new DependencyError('administrators', 'the list of administrators cannot be read', { cause });
    }
  };
}

/** The fingerprints in the list at `file`. Rejects with ConfigError. */
export const readAdministrators = async (file: string): Promise<ReadonlySet<CertificateFingerprint>> =>
  parseAdministrators(await readTextFile(file), file);

/** The fingerprints in the text of the list at `file`. Throws ConfigError. */
export function parseAdministrators(text: string, file: string): ReadonlySet<CertificateFingerprint> {
  const { administrators } = parseDocumentText(text, file, administratorsSchema);
  return new Set(administrators.map((administrator) => administrator.fingerprint));
}
