import { createPublicKey, generateKeyPairSync } from 'node:crypto';

import type { Bytes } from '#core/bytes.ts';
import type { CertificatePurpose } from '#pki/lint/purpose.ts';
import type { Certificate } from '#pki/x509/certificate.ts';
import * as write from '#pki/x509/extension-writer.ts';
import { EXTENSION } from '#pki/x509/oids.ts';
import type { SampleParts } from '#test/lab/lint-sample.ts';
import type { NodeCa, labKey } from '#test/lab/node-ca.ts';

/** One thing wrong with a certificate that is good otherwise, and the rule that must notice. */
export interface BadSample {
  readonly rule: string;
  readonly sample: string;
  /** Default `kubelet-client`. */
  readonly purpose?: CertificatePurpose;
  /** The certificate it claims to be issued by; default the one that issues its purpose. */
  readonly issuer?: (ca: NodeCa) => Certificate;
  readonly change: (good: SampleParts, ca: NodeCa) => Partial<SampleParts>;
}

/** The good extensions with one put in place, or added, under `oid`. */
export const withExtension = (good: SampleParts, oid: string, encoded: Bytes): Partial<SampleParts> => ({
  extensions: new Map([...good.extensions, [oid, encoded]]),
});

export const without = (good: SampleParts, oid: string): Partial<SampleParts> => ({
  extensions: new Map([...good.extensions].filter(([type]) => type !== oid)),
});

export const altNames = (good: SampleParts, ...names: readonly Bytes[]): Partial<SampleParts> =>
  withExtension(good, EXTENSION.subjectAltName, write.subjectAltName(false, ...names));

export const spkiOf = (key: ReturnType<typeof labKey>): Bytes =>
  createPublicKey(key).export({ type: 'spki', format: 'der' });

export const rsaSpki = (bits: number): Bytes => spkiOf(generateKeyPairSync('rsa', { modulusLength: bits }).privateKey);
