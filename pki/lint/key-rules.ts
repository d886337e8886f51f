import type { KeyUsage } from '../x509/key-extensions.ts';
import { KEY_PURPOSE } from '../x509/oids.ts';
import type { CertificateView } from './certificate-view.ts';
import { broken, type Rule } from './rule.ts';

/** What a key that only signs may not be marked for (RFC 8813 §3). */
const NOT_FOR_EC: readonly KeyUsage[] = ['keyEncipherment', 'dataEncipherment'];

/** What an EC key outside a CA may be marked for (RFC 5480 §3). */
const EC_LEAF: ReadonlySet<KeyUsage> = new Set(['digitalSignature', 'nonRepudiation', 'keyAgreement']);

/** Usages that are consistent with a purpose: a certificate needs one of them (RFC 5280 §4.2.1.12). */
const CONSISTENT: ReadonlyMap<string, readonly KeyUsage[]> = new Map<string, readonly KeyUsage[]>([
  [KEY_PURPOSE.serverAuth, ['digitalSignature', 'keyEncipherment', 'keyAgreement']],
  [KEY_PURPOSE.clientAuth, ['digitalSignature', 'keyAgreement']],
  ['1.3.6.1.5.5.7.3.3', ['digitalSignature']],
  ['1.3.6.1.5.5.7.3.4', ['digitalSignature', 'nonRepudiation', 'keyEncipherment', 'keyAgreement']],
  ['1.3.6.1.5.5.7.3.8', ['digitalSignature', 'nonRepudiation']],
  [KEY_PURPOSE.ocspSigning, ['digitalSignature', 'nonRepudiation']],
]);

/** The public key and what it may be used for. */
export const KEY_RULES: readonly Rule<CertificateView>[] = [
  {
    name: 'key-malformed',
    clause: 'RFC 5280 §4.1.2.7, RFC 3279 §2.3, RFC 5480 §2',
    check: ({ publicKey }) => broken(publicKey === undefined, 'the key is not what its algorithm says'),
  },
  {
    name: 'ca-key-usage-missing',
    clause: 'RFC 5280 §4.2.1.3',
    check: ({ isCa, certificate: { extensions } }) => broken(isCa && extensions.keyUsage === undefined, 'no keyUsage'),
  },
  {
    name: 'cert-sign-without-ca',
    clause: 'RFC 5280 §4.2.1.3, §4.2.1.9',
    check: ({ isCa, certificate: { extensions } }) =>
      broken(!isCa && extensions.keyUsage?.has('keyCertSign') === true, 'keyCertSign without CA:TRUE'),
  },
  {
    name: 'ec-key-for-encipherment',
    clause: 'RFC 8813 §3',
    check: ({ publicKey, certificate: { extensions } }) =>
      broken(
        publicKey?.type === 'ec' && NOT_FOR_EC.some((usage) => extensions.keyUsage?.has(usage) === true),
        'encipherment with an ECDSA key',
      ),
  },
  {
    name: 'ec-leaf-key-usage',
    clause: 'RFC 5480 §3',
    check: ({ isCa, publicKey, certificate: { extensions } }) =>
      broken(
        !isCa && publicKey?.type === 'ec' && ![...(extensions.keyUsage ?? [])].every((usage) => EC_LEAF.has(usage)),
        'a usage that an ECDSA key outside a CA does not have',
      ),
  },
  {
    name: 'rsa-ca-key-for-encipherment',
    clause: 'RFC 3279 §2.3.1',
    check: ({ isCa, publicKey, certificate: { extensions } }) =>
      broken(
        isCa && publicKey?.type === 'rsa' && NOT_FOR_EC.some((usage) => extensions.keyUsage?.has(usage) === true),
        'encipherment with a CA’s key',
      ),
  },
  {
    name: 'rsa-key-for-agreement',
    clause: 'RFC 3279 §2.3.1',
    check: ({ publicKey, certificate: { extensions } }) =>
      broken(publicKey?.type === 'rsa' && extensions.keyUsage?.has('keyAgreement') === true, 'keyAgreement with RSA'),
  },
  {
    name: 'key-usage-against-purpose',
    clause: 'RFC 5280 §4.2.1.12',
    check: ({ certificate: { extensions } }) => {
      const { keyUsage, extendedKeyUsage } = extensions;
      if (keyUsage === undefined || extendedKeyUsage === undefined) return undefined;
      for (const purpose of extendedKeyUsage) {
        const usages = CONSISTENT.get(purpose);
        if (usages !== undefined && !usages.some((usage) => keyUsage.has(usage))) return `purpose ${purpose}`;
      }
      return undefined;
    },
  },
  {
    name: 'path-length-without-cert-sign',
    clause: 'RFC 5280 §4.2.1.9',
    check: ({ isCa, certificate: { extensions } }) =>
      broken(
        extensions.basicConstraints?.pathLength !== undefined &&
          (!isCa || extensions.keyUsage?.has('keyCertSign') === false),
        'pathLenConstraint on a key that signs no certificates',
      ),
  },
];
