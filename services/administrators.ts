import { z } from 'zod';

import { fromBase64Url, isBase64Url } from '#core/bytes.ts';
import { DependencyError } from '#core/dependency-error.ts';
import { type CertificateFingerprint, isCertificateFingerprint } from '#core/ids.ts';
import { credentialIdSchema } from '#protocol/step-up.ts';
import { readSecurityKeySpki, type SecurityKey } from '#services/admin/step-up/security-key.ts';
import type { IsAdministrator } from '#services/http/principal.ts';

import { parseDocumentText, readTextFile } from '#services/config/strict-document.ts';

const fingerprint = z
  .string()
  .max(64)
  .refine(isCertificateFingerprint, 'not a SHA-256 in lower-case hex')
  .describe('SHA-256 of the certificate’s DER, lower-case hex.');

const securityKey = z
  .strictObject({
    name: z
      .string()
      .regex(/^[\x21-\x7e](?:[\x20-\x7e]{0,62}[\x21-\x7e])?$/)
      .describe('Which key it is, for people.'),
    credentialId: credentialIdSchema.describe('The key’s WebAuthn credential id, base64url.'),
    publicKey: z
      .string()
      .max(256)
      .describe('The credential’s public key: SubjectPublicKeyInfo in DER, base64url; P-256 or Ed25519.'),
  })
  .transform(({ publicKey, ...key }, context): SecurityKey => {
    const read = isBase64Url(publicKey) ? readSecurityKeySpki(fromBase64Url(publicKey)) : undefined;
    if (read !== undefined) return { ...key, publicKey: read };
    context.addIssue({ code: 'custom', path: ['publicKey'], message: 'not a P-256 or Ed25519 public key' });
    return z.NEVER;
  });

/** The file that `listeners.admin.administrators` names. Its role is in each certificate; standing in this list is what makes it count. */
export const administratorsSchema = z.strictObject({
  apiVersion: z.literal('muster/v1').describe('Always `muster/v1`.'),
  kind: z.literal('Administrators').describe('Always `Administrators`.'),
  administrators: z
    .array(
      z.strictObject({
        name: z.string().min(1).max(64).describe('Whose certificate it is, for the people who keep this list.'),
        fingerprint,
        securityKeys: z
          .array(securityKey)
          .max(8)
          .default([])
          .describe('Security keys that sign this administrator’s dangerous acts. No call of the API adds one.'),
      }),
    )
    .max(1_024)
    .superRefine((administrators, context) => {
      const ids = administrators.flatMap(({ securityKeys }) => securityKeys.map(({ credentialId }) => credentialId));
      if (new Set(ids).size < ids.length) {
        context.addIssue({ code: 'custom', message: 'one security key is registered twice' });
      }
    })
    .describe('Empty: nobody can administer the service.'),
});

/** The file as written. */
export type AdministratorsFile = z.input<typeof administratorsSchema>;

/** The list at this moment. Both reject with DependencyError when it cannot be read. */
export interface Administrators {
  readonly isAdministrator: IsAdministrator;
  /** The keys beside a certificate; none for one that is not on the list. */
  readonly securityKeysOf: (fingerprint: CertificateFingerprint) => Promise<readonly SecurityKey[]>;
}

type Listed = ReadonlyMap<CertificateFingerprint, readonly SecurityKey[]>;

/**
 * What stands in the list in `file` now. The file is read for every question, so who is taken off it is refused on the next request, on
 * an open connection too. A file that cannot be read or is malformed stands for nobody: DependencyError.
 */
export function administratorsIn(file: string): Administrators {
  let lastText: string | undefined;
  let last: Listed = new Map();
  const read = async (): Promise<Listed> => {
    try {
      const text = await readTextFile(file);
      if (text !== lastText) {
        last = keysByCertificate(parseList(text, file));
        lastText = text;
      }
      return last;
    } catch (cause) {
      throw new DependencyError('administrators', 'the list of administrators cannot be read', { cause });
    }
  };
  return {
    isAdministrator: async (wanted) => (await read()).has(wanted),
    securityKeysOf: async (wanted) => (await read()).get(wanted) ?? [],
  };
}

/** `administratorsIn` for whoever asks about certificates alone. */
export const administratorList = (file: string): IsAdministrator => administratorsIn(file).isAdministrator;

/** The fingerprints in the list at `file`. Rejects with ConfigError. */
export const readAdministrators = async (file: string): Promise<ReadonlySet<CertificateFingerprint>> =>
  parseAdministrators(await readTextFile(file), file);

/** The names in the list at `file` that have no security key beside them. Rejects with ConfigError. */
export const readAdministratorsWithoutKey = async (file: string): Promise<readonly string[]> =>
  parseList(await readTextFile(file), file).flatMap(({ name, securityKeys }) =>
    securityKeys.length === 0 ? [name] : [],
  );

/** The fingerprints in the text of the list at `file`. Throws ConfigError. */
export const parseAdministrators = (text: string, file: string): ReadonlySet<CertificateFingerprint> =>
  new Set(parseList(text, file).map((administrator) => administrator.fingerprint));

type ListedAdministrator = z.output<typeof administratorsSchema>['administrators'][number];

const parseList = (text: string, file: string): readonly ListedAdministrator[] =>
  parseDocumentText(text, file, administratorsSchema).administrators;

function keysByCertificate(administrators: readonly ListedAdministrator[]): Listed {
  const keys = new Map<CertificateFingerprint, readonly SecurityKey[]>();
  for (const { fingerprint: of, securityKeys } of administrators)
    keys.set(of, [...(keys.get(of) ?? []), ...securityKeys]);
  return keys;
}
