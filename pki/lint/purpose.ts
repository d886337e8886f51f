import { MAX_TTL_SECONDS, MIN_TTL_SECONDS } from '../profile.ts';
import type { KeyUsage } from '../x509/key-extensions.ts';
import { EXTENSION, KEY_PURPOSE } from '../x509/oids.ts';

/** What a certificate made here is for. There are no others. */
export type CertificatePurpose =
  | 'kubelet-client'
  | 'node-root-ca'
  | 'node-root-cross'
  | 'node-issuing-ca'
  | 'management-ca'
  | 'server'
  | 'administrator';

/** The one shape that certificates of a purpose have. */
export interface PurposeShape {
  /** Extension types, all of them and no others. */
  readonly extensions: readonly string[];
  readonly keyUsage: readonly KeyUsage[];
  /** Undefined: no extendedKeyUsage. */
  readonly extendedKeyUsage: readonly string[] | undefined;
  readonly ca: boolean;
  readonly pathLength: number | undefined;
  /** Issuer and subject are the same name. A cross-certificate's are, though another key signed it. */
  readonly selfSigned: boolean;
  /** notAfter − notBefore + 1 s, inclusive bounds. */
  readonly minSeconds: number;
  readonly maxSeconds: number;
}

export const DAY_SECONDS = 86_400;

const { authorityKeyIdentifier, basicConstraints, extendedKeyUsage, keyUsage, subjectAltName, subjectKeyIdentifier } =
  EXTENSION;

const leaf = (purpose: string, ...more: readonly string[]) => ({
  extensions: [basicConstraints, keyUsage, extendedKeyUsage, authorityKeyIdentifier, subjectKeyIdentifier, ...more],
  keyUsage: ['digitalSignature'] as const,
  extendedKeyUsage: [purpose],
  ca: false,
  pathLength: undefined,
  selfSigned: false,
});

const rootCa = (pathLength: number) => ({
  extensions: [basicConstraints, keyUsage, subjectKeyIdentifier],
  keyUsage: ['keyCertSign', 'cRLSign'] as const,
  extendedKeyUsage: undefined,
  ca: true,
  pathLength,
  selfSigned: true,
  minSeconds: DAY_SECONDS,
  maxSeconds: 20 * 366 * DAY_SECONDS,
});

/** The shape of every purpose (docs/certificate-profile.md). */
export const PURPOSE_SHAPES: Readonly<Record<CertificatePurpose, PurposeShape>> = {
  'kubelet-client': { ...leaf(KEY_PURPOSE.clientAuth), minSeconds: MIN_TTL_SECONDS, maxSeconds: MAX_TTL_SECONDS },
  'node-root-ca': rootCa(1),
  // A root's key under another root: same name, and so self-issued, which path lengths do not count (RFC 5280 §4.2.1.9).
  'node-root-cross': {
    ...rootCa(1),
    extensions: [basicConstraints, keyUsage, authorityKeyIdentifier, subjectKeyIdentifier],
  },
  'node-issuing-ca': {
    extensions: [basicConstraints, keyUsage, extendedKeyUsage, authorityKeyIdentifier, subjectKeyIdentifier],
    // digitalSignature: this key signs OCSP responses itself (RFC 6960 §4.2.2.2), so that nothing else need chain to the node CA.
    keyUsage: ['digitalSignature', 'keyCertSign', 'cRLSign'],
    // Verifiers that nest purposes (Go, OpenSSL) accept nothing but client certificates below it.
    extendedKeyUsage: [KEY_PURPOSE.clientAuth],
    ca: true,
    pathLength: 0,
    selfSigned: false,
    minSeconds: DAY_SECONDS,
    maxSeconds: 10 * 366 * DAY_SECONDS,
  },
  'management-ca': rootCa(0),
  server: { ...leaf(KEY_PURPOSE.serverAuth, subjectAltName), minSeconds: DAY_SECONDS, maxSeconds: 825 * DAY_SECONDS },
  administrator: { ...leaf(KEY_PURPOSE.clientAuth), minSeconds: 900, maxSeconds: 90 * DAY_SECONDS },
};
