import type { Bytes } from '#core/bytes.ts';
import { systemRandom } from '#core/random.ts';
import { newSerial, serialBytes } from '#pki/serial.ts';
import { SIGNATURE_ALGORITHM } from '#pki/x509/algorithm-writer.ts';
import * as der from '#pki/x509/der-writer.ts';
import * as write from '#pki/x509/extension-writer.ts';
import { EMPTY_NAME } from '#pki/x509/name-writer.ts';
import { EXTENSION } from '#pki/x509/oids.ts';
import { CRL_NOW, crlEntry, type CrlParts } from '#test/lab/crl-sample.ts';
import type { NodeCa } from '#test/lab/node-ca.ts';

/** One thing wrong with a CRL that is good otherwise, and the rule that must notice. */
export interface BadCrlSample {
  readonly rule: string;
  readonly sample: string;
  /** The issuer's certificate without cRLSign. */
  readonly withoutCrlSign?: boolean;
  readonly change: (good: CrlParts, ca: NodeCa) => Partial<CrlParts>;
}

const NOTHING = Buffer.alloc(0);
const ENUMERATED = 0x0a;

const withExtension = (good: CrlParts, oid: string, encoded: Bytes): Partial<CrlParts> => ({
  extensions: new Map([...good.extensions, [oid, encoded]]),
});

const without = (good: CrlParts, oid: string): Partial<CrlParts> => ({
  extensions: new Map([...good.extensions].filter(([type]) => type !== oid)),
});

const number = (critical: boolean, value: Bytes): Bytes => write.extension(EXTENSION.crlNumber, critical, value);

/** One entry of its own making. */
const entry = (parts: { serial?: Bytes; at?: Bytes; extensions?: readonly Bytes[] }): Partial<CrlParts> => {
  const { serial = der.unsignedInteger(serialBytes(newSerial(systemRandom))), at = der.time(CRL_NOW) } = parts;
  const extensions = parts.extensions === undefined ? [] : [der.sequence(...parts.extensions)];
  return { entries: der.sequence(crlEntry(), der.sequence(serial, at, ...extensions)) };
};

const reason = (code: number, critical = false): Bytes =>
  write.extension(EXTENSION.reasonCode, critical, der.element(ENUMERATED, Buffer.of(code)));

function uri(text: string): Bytes {
  return der.taggedPrimitive(6, Buffer.from(text, 'latin1'));
}

const FIELDS: readonly BadCrlSample[] = [
  {
    rule: 'crl-malformed',
    sample: 'a tag in the version’s place that has none',
    change: () => ({ version: der.nullValue() }),
  },
  { rule: 'crl-version-not-2', sample: 'no version', change: () => ({ version: NOTHING }) },
  {
    rule: 'crl-signature-algorithm-mismatch',
    sample: 'another algorithm outside',
    change: () => ({ outerAlgorithm: SIGNATURE_ALGORITHM.ecdsaSha384 }),
  },
  {
    rule: 'crl-signature-parameters',
    sample: 'ECDSA with NULL parameters',
    change: () => ({ innerAlgorithm: der.sequence(der.oid('1.2.840.10045.4.3.2'), der.nullValue()) }),
  },
  { rule: 'crl-issuer-empty', sample: 'an empty issuer', change: () => ({ issuer: EMPTY_NAME }) },
  { rule: 'crl-next-update-missing', sample: 'no nextUpdate', change: () => ({ nextUpdate: NOTHING }) },
  {
    rule: 'crl-validity-not-positive',
    sample: 'nextUpdate at thisUpdate',
    change: ({ thisUpdate }) => ({ nextUpdate: thisUpdate }),
  },
  {
    rule: 'crl-time-form',
    sample: 'GeneralizedTime before 2050',
    change: () => ({ thisUpdate: der.generalizedTime(CRL_NOW) }),
  },
  {
    rule: 'crl-time-form',
    sample: 'the same in nextUpdate',
    change: () => ({ nextUpdate: der.generalizedTime(new Date(CRL_NOW.getTime() + 1_000)) }),
  },
  { rule: 'crl-entries-empty', sample: 'an empty list of entries', change: () => ({ entries: der.sequence() }) },
];

const EXTENSIONS: readonly BadCrlSample[] = [
  {
    rule: 'crl-extension-twice',
    sample: 'two CRL numbers',
    change: (good) => withExtension(good, 'again', number(false, der.integer(8))),
  },
  {
    rule: 'crl-authority-key-identifier-missing',
    sample: 'no authorityKeyIdentifier',
    change: (good) => without(good, EXTENSION.authorityKeyIdentifier),
  },
  {
    rule: 'crl-authority-key-identifier-critical',
    sample: 'a critical authorityKeyIdentifier',
    change: (good) =>
      withExtension(
        good,
        EXTENSION.authorityKeyIdentifier,
        write.extension(EXTENSION.authorityKeyIdentifier, true, der.sequence(der.taggedPrimitive(0, Buffer.alloc(20)))),
      ),
  },
  {
    rule: 'crl-authority-key-identifier-not-key-alone',
    sample: 'an authorityKeyIdentifier by name and serial',
    change: (good) =>
      withExtension(
        good,
        EXTENSION.authorityKeyIdentifier,
        write.extension(
          EXTENSION.authorityKeyIdentifier,
          false,
          der.sequence(der.tagged(1, write.dnsName('ca')), der.taggedPrimitive(2, Buffer.of(1))),
        ),
      ),
  },
  { rule: 'crl-number-missing', sample: 'no cRLNumber', change: (good) => without(good, EXTENSION.crlNumber) },
  {
    rule: 'crl-number-critical',
    sample: 'a critical cRLNumber',
    change: (good) => withExtension(good, EXTENSION.crlNumber, number(true, der.integer(7))),
  },
  {
    rule: 'crl-number-out-of-range',
    sample: 'a negative cRLNumber',
    change: (good) => withExtension(good, EXTENSION.crlNumber, number(false, Buffer.of(2, 1, 0x80))),
  },
  {
    rule: 'crl-number-out-of-range',
    sample: 'a cRLNumber of 21 octets',
    change: (good) => withExtension(good, EXTENSION.crlNumber, number(false, der.unsignedInteger(Buffer.alloc(21, 1)))),
  },
  {
    rule: 'crl-number-out-of-range',
    sample: 'a cRLNumber that is none',
    change: (good) => withExtension(good, EXTENSION.crlNumber, number(false, der.nullValue())),
  },
  {
    rule: 'crl-issuing-distribution-point-not-critical',
    sample: 'an issuingDistributionPoint that may be ignored',
    change: (good) =>
      withExtension(
        good,
        EXTENSION.issuingDistributionPoint,
        write.extension(EXTENSION.issuingDistributionPoint, false, der.sequence()),
      ),
  },
  ...(
    [
      ['of two URIs', der.tagged(0, der.tagged(0, uri('http://a/'), uri('http://b/')))],
      ['of a directory name', der.tagged(0, der.tagged(0, write.directoryName(EMPTY_NAME)))],
      ['of a relative URI', der.tagged(0, der.tagged(0, uri('localhost')))],
      ['without a name', der.taggedPrimitive(1, Buffer.of(0xff))],
      [
        'of some reasons',
        Buffer.concat([der.tagged(0, der.tagged(0, uri('http://a/'))), der.taggedPrimitive(3, Buffer.of(6, 0x40))]),
      ],
    ] as const
  ).map(([form, value]) => ({
    rule: 'crl-issuing-distribution-point-form',
    sample: `an issuingDistributionPoint ${form}`,
    change: (good: CrlParts) =>
      withExtension(
        good,
        EXTENSION.issuingDistributionPoint,
        write.extension(EXTENSION.issuingDistributionPoint, true, der.sequence(value)),
      ),
  })),
];

const ISSUER: readonly BadCrlSample[] = [
  {
    rule: 'crl-issuer-name-differs',
    sample: 'another CA’s name',
    change: (_, ca) => ({ issuer: ca.root.certificate.subject.raw }),
  },
  {
    rule: 'crl-authority-key-identifier-differs',
    sample: 'another CA’s key identifier',
    change: (good) =>
      withExtension(good, EXTENSION.authorityKeyIdentifier, write.authorityKeyIdentifier(Buffer.alloc(20, 9))),
  },
  { rule: 'crl-issuer-may-not-sign', sample: 'an issuer without cRLSign', withoutCrlSign: true, change: () => ({}) },
];

const ENTRIES: readonly BadCrlSample[] = [
  { rule: 'crl-entry-serial', sample: 'a negative serial', change: () => entry({ serial: Buffer.of(2, 1, 0xff) }) },
  {
    rule: 'crl-entry-serial',
    sample: 'a serial of 21 octets',
    change: () => entry({ serial: der.unsignedInteger(Buffer.alloc(21, 1)) }),
  },
  {
    rule: 'crl-entry-time-form',
    sample: 'GeneralizedTime before 2050',
    change: () => entry({ at: der.generalizedTime(CRL_NOW) }),
  },
  {
    rule: 'crl-entry-after-this-update',
    sample: 'a revocation in the future',
    change: () => entry({ at: der.time(new Date(CRL_NOW.getTime() + 1_000)) }),
  },
  {
    rule: 'crl-entry-before-crls',
    sample: 'a revocation in 1998',
    change: () => entry({ at: der.time(new Date('1998-12-31T23:59:59Z')) }),
  },
  {
    rule: 'crl-entry-extension-twice',
    sample: 'two reasons',
    change: () => entry({ extensions: [reason(1), reason(4)] }),
  },
  { rule: 'crl-entry-reason-undefined', sample: 'reason 7', change: () => entry({ extensions: [reason(7)] }) },
  { rule: 'crl-entry-reason-undefined', sample: 'reason 11', change: () => entry({ extensions: [reason(11)] }) },
  {
    rule: 'crl-entry-reason-undefined',
    sample: 'a reason that is no ENUMERATED',
    change: () => entry({ extensions: [write.extension(EXTENSION.reasonCode, false, der.integer(1))] }),
  },
  {
    rule: 'crl-entry-reason-unspecified',
    sample: 'reason 0 spelled out',
    change: () => entry({ extensions: [reason(0)] }),
  },
  { rule: 'crl-entry-removed', sample: 'removeFromCRL', change: () => entry({ extensions: [reason(8)] }) },
  {
    rule: 'crl-entry-reason-critical',
    sample: 'a critical reason',
    change: () => entry({ extensions: [reason(1, true)] }),
  },
  {
    rule: 'crl-serial-twice',
    sample: 'a certificate twice',
    change: () => {
      const once = crlEntry();
      return { entries: der.sequence(once, once) };
    },
  },
];

const PROFILE: readonly BadCrlSample[] = [
  {
    rule: 'crl-profile-signature-algorithm',
    sample: 'ecdsa-with-SHA384',
    change: () => ({
      innerAlgorithm: SIGNATURE_ALGORITHM.ecdsaSha384,
      outerAlgorithm: SIGNATURE_ALGORITHM.ecdsaSha384,
    }),
  },
  {
    rule: 'crl-profile-extensions',
    sample: 'a delta CRL',
    change: (good) =>
      withExtension(
        good,
        EXTENSION.deltaCrlIndicator,
        write.extension(EXTENSION.deltaCrlIndicator, true, der.integer(1)),
      ),
  },
  {
    rule: 'crl-profile-lifetime',
    sample: 'ten days and a second',
    change: () => ({ nextUpdate: der.time(new Date(CRL_NOW.getTime() + 864_001_000)) }),
  },
  {
    rule: 'crl-profile-entry-extensions',
    sample: 'another issuer’s entry',
    change: () =>
      entry({ extensions: [write.extension(EXTENSION.certificateIssuer, true, der.sequence(write.dnsName('ca')))] }),
  },
  { rule: 'crl-profile-entry-reason', sample: 'aACompromise', change: () => entry({ extensions: [reason(10)] }) },
];

export const BAD_CRL_SAMPLES: readonly BadCrlSample[] = [...FIELDS, ...EXTENSIONS, ...ISSUER, ...ENTRIES, ...PROFILE];
