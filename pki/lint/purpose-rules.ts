import { equalBytes } from '#core/bytes.ts';

import { isOwnSerial } from '../serial.ts';
import { SIGNATURE_ALGORITHM } from '../x509/algorithm-writer.ts';
import { keyDenial, REQUEST_KEYS } from '../x509/key-policy.ts';
import type { CertificateView } from './certificate-view.ts';
import { type CertificatePurpose, PURPOSE_SHAPES, type PurposeShape } from './purpose.ts';
import { broken, type Rule } from './rule.ts';
import { SUBJECT_RULES } from './subject-rules.ts';

const CLAUSE = 'Muster profile';

/** What everything made here has in common. */
const ORIGIN_RULES: readonly Rule<CertificateView>[] = [
  {
    name: 'profile-serial',
    clause: CLAUSE,
    check: ({ certificate }) => broken(!isOwnSerial(certificate.serial), 'not a lead byte and 128 random bits'),
  },
  {
    name: 'profile-signature-algorithm',
    clause: CLAUSE,
    check: ({ certificate }) =>
      broken(!equalBytes(certificate.signatureAlgorithm.raw, SIGNATURE_ALGORITHM.ecdsaSha256), 'not ecdsa-with-SHA256'),
  },
];

const LEAF_KEY_RULES: readonly Rule<CertificateView>[] = [
  {
    name: 'profile-leaf-key',
    clause: CLAUSE,
    check: ({ publicKey }) =>
      broken(
        publicKey === undefined || keyDenial(publicKey, REQUEST_KEYS) !== undefined,
        'not a key that a certificate may be issued for',
      ),
  },
];

function shapeRules(shape: PurposeShape): readonly Rule<CertificateView>[] {
  return [
    {
      name: 'profile-extensions',
      clause: CLAUSE,
      check: ({ certificate: { extensions } }) => {
        const missing = shape.extensions.find((oid) => !extensions.all.has(oid));
        if (missing !== undefined) return `extension ${missing} is missing`;
        const extra = [...extensions.all.keys()].find((oid) => !shape.extensions.includes(oid));
        return broken(extra !== undefined, `extension ${extra} is not in the profile`);
      },
    },
    {
      name: 'profile-key-usage',
      clause: CLAUSE,
      check: ({ certificate }) => exactly(certificate.extensions.keyUsage, shape.keyUsage),
    },
    {
      name: 'profile-extended-key-usage',
      clause: CLAUSE,
      check: ({ certificate }) => exactly(certificate.extensions.extendedKeyUsage, shape.extendedKeyUsage),
    },
    {
      name: 'profile-basic-constraints',
      clause: CLAUSE,
      check: ({ certificate: { extensions } }) => {
        const { ca, pathLength } = extensions.basicConstraints ?? { ca: undefined, pathLength: undefined };
        return broken(ca !== shape.ca || pathLength !== shape.pathLength, `CA ${ca}, pathLen ${pathLength}`);
      },
    },
    {
      name: 'profile-lifetime',
      clause: CLAUSE,
      check: ({ certificate: { notBefore, notAfter } }) => {
        // notAfter is the last second in which the certificate is valid (RFC 5280 §4.1.2.5), so it counts.
        const seconds = (notAfter.getTime() - notBefore.getTime()) / 1_000 + 1;
        return broken(seconds < shape.minSeconds || seconds > shape.maxSeconds, `${seconds} s`);
      },
    },
    {
      name: 'profile-self-signed',
      clause: CLAUSE,
      check: ({ isSelfNamed }) =>
        broken(isSelfNamed !== shape.selfSigned, shape.selfSigned ? 'issued by another' : 'issued by itself'),
    },
    {
      name: 'profile-ca-key',
      clause: CLAUSE,
      check: ({ publicKey }) =>
        broken(shape.ca && (publicKey?.type !== 'ec' || publicKey.curve !== 'P-256'), 'not an ECDSA key on P-256'),
    },
  ];
}

const CROSS_RULES: readonly Rule<CertificateView>[] = [
  {
    name: 'profile-cross-own-key',
    clause: CLAUSE,
    check: ({ certificate, issuer }) =>
      broken(
        issuer !== undefined && equalBytes(certificate.publicKey.raw, issuer.publicKey.raw),
        'crosses no root but its own',
      ),
  },
];

function exactly(found: ReadonlySet<string> | undefined, due: readonly string[] | undefined): string | undefined {
  const isDue =
    due === undefined
      ? found === undefined
      : found !== undefined && found.size === due.length && due.every((entry) => found.has(entry));
  return broken(!isDue, `found ${found === undefined ? 'none' : [...found].join(', ')}`);
}

/** The rules that hold for one purpose and go beyond RFC 5280: certificates of it have exactly its shape. */
export const PURPOSE_RULES: Readonly<Record<CertificatePurpose, readonly Rule<CertificateView>[]>> = {
  'kubelet-client': rulesOf('kubelet-client'),
  'node-root-ca': rulesOf('node-root-ca'),
  'node-root-cross': [...rulesOf('node-root-cross'), ...CROSS_RULES],
  'node-issuing-ca': rulesOf('node-issuing-ca'),
  'management-ca': rulesOf('management-ca'),
  server: rulesOf('server'),
  administrator: rulesOf('administrator'),
};

function rulesOf(purpose: CertificatePurpose): readonly Rule<CertificateView>[] {
  const shape = PURPOSE_SHAPES[purpose];
  return [...ORIGIN_RULES, ...shapeRules(shape), ...(shape.ca ? [] : LEAF_KEY_RULES), ...SUBJECT_RULES[purpose]];
}
