import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

import { z } from 'zod';

import { fromBase64Url, isBase64Url, toBase64Url, utf8 } from '#core/bytes.ts';
import { canonicalJson } from '#core/canonical-json.ts';
import { sha256Hex } from '#core/digest.ts';

const hex = z.string().regex(/^[0-9a-f]{64}$/);
const signatureSchema = z.strictObject({
  /** SHA-256 of the signer's SubjectPublicKeyInfo. */
  key: hex,
  value: z.string().length(86).refine(isBase64Url),
});

/** What stands beside a backup, readable without opening it. */
export const backupManifestSchema = z.strictObject({
  apiVersion: z.literal('muster/v1'),
  kind: z.literal('BackupManifest'),
  createdAt: z.iso.datetime(),
  /** Of the program that made it. */
  version: z.string().max(64),
  /** Of the encrypted file. */
  sha256: hex,
  bytes: z.int().min(1),
  rows: z.record(z.string(), z.int().min(0)),
  /** The last audit record in it: what came after is the loss window. */
  auditHead: z.strictObject({ sequence: z.int().min(0), hash: hex }),
  /** Whether the CA's sealed key and the other secrets of the configuration's directory are in it. */
  includesSecrets: z.boolean(),
  signature: signatureSchema,
});
export type BackupManifest = z.output<typeof backupManifestSchema>;
export type UnsignedManifest = Omit<BackupManifest, 'signature'>;

/** `manifest` signed with an Ed25519 private key. */
export function signManifest(manifest: UnsignedManifest, key: KeyObject): BackupManifest {
  const value = toBase64Url(sign(null, utf8(canonicalJson(manifest)), key));
  return { ...manifest, signature: { key: keyId(createPublicKey(key)), value } };
}

/** True when `key` signed it as it stands. */
export function isSignedBy(manifest: BackupManifest, key: KeyObject): boolean {
  const { signature, ...signed } = manifest;
  return signature.key === keyId(key) && verify(null, utf8(canonicalJson(signed)), key, fromBase64Url(signature.value));
}

const keyId = (key: KeyObject): string => sha256Hex(key.export({ type: 'spki', format: 'der' }));
