import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

import type { Bytes } from '#core/bytes.ts';
import { SIGNATURE_ALGORITHM } from '#pki/x509/algorithm-writer.ts';
import { buildSigned, buildTbsCertificate } from '#pki/x509/certificate-writer.ts';
import { integer, oid, sequence, setOf, utf8String } from '#pki/x509/der-writer.ts';
import { EMPTY_NAME, buildName } from '#pki/x509/name-writer.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  directoryName,
  extendedKeyUsage,
  extension,
  keyUsage,
  subjectAltName,
  subjectKeyIdentifier,
} from '#pki/x509/extension-writer.ts';
import { ATTRIBUTE, EXTENSION, KEY_PURPOSE } from '#pki/x509/oids.ts';
import { encodePem } from '#pki/x509/pem.ts';

/** When the lab's certificates are valid, and the hour at which its tests are held. */
export const LAB_NOW = new Date('2026-11-21T12:00:00Z');
const NOT_BEFORE = new Date('2025-01-01T00:00:00Z');
const NOT_AFTER = new Date('2045-01-01T00:00:00Z');

/** A certificate authority for EK certificates: one root that signs them itself. */
export interface LabEkCa {
  /** The root, PEM. */
  readonly pem: string;
  readonly der: Bytes;
  readonly name: Bytes;
  readonly privateKey: KeyObject;
  readonly keyId: Bytes;
}

/** Everything in an EK certificate that a test may want wrong. */
export interface EkCertificateOptions {
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Bytes;
  readonly keyType?: 'rsa' | 'ecc';
  readonly manufacturer?: string;
  readonly model?: string;
  readonly version?: string;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly serial?: Bytes;
  readonly subject?: Bytes;
  /** Issuer named in the certificate, where it is not the CA that signs. */
  readonly issuer?: Bytes;
  /** Replaces the extensions; gets the ones that a good certificate has. */
  readonly extensions?: (good: EkExtensions) => readonly Bytes[];
}

/** The extensions of a good EK certificate, by name. */
export interface EkExtensions {
  readonly basicConstraints: Bytes;
  readonly keyUsage: Bytes;
  readonly extendedKeyUsage: Bytes;
  readonly subjectAltName: Bytes;
  readonly subjectDirectoryAttributes: Bytes;
  readonly authorityKeyIdentifier: Bytes;
}

export interface LabCaOptions {
  readonly organization?: string;
  readonly issuer?: LabEkCa;
  readonly pathLength?: number;
}

/** A root, or with `issuer` an intermediate, that certifies EKs. */
export function labEkCa(options: LabCaOptions = {}): LabEkCa {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const keyId = createHash('sha1').update(spki).digest();
  const commonName = options.issuer === undefined ? 'Lab TPM EK Root CA' : 'Lab TPM EK Issuing CA';
  const name = buildName(
    [ATTRIBUTE.organization, options.organization ?? 'Laboratory'],
    [ATTRIBUTE.commonName, `${commonName} ${keyId.toString('hex', 0, 4)}`],
  );
  const issuer = options.issuer ?? { name, privateKey, keyId };
  const der = signCertificate(issuer.privateKey, {
    serial: Buffer.of(1),
    issuer: issuer.name,
    subject: name,
    notBefore: NOT_BEFORE,
    notAfter: NOT_AFTER,
    spki,
    extensions: [
      basicConstraints(options.pathLength ?? (options.issuer === undefined ? 'unlimited' : 0)),
      keyUsage('keyCertSign', 'cRLSign'),
      subjectKeyIdentifier(keyId),
      authorityKeyIdentifier(issuer.keyId),
    ],
  });
  return { pem: encodePem('CERTIFICATE', der), der, name, privateKey, keyId };
}

/** An EK certificate by `ca`, as the TCG EK Credential Profile has it but for what `options` say. */
export function issueEkCertificate(ca: LabEkCa, options: EkCertificateOptions): Bytes {
  const good = goodExtensions(ca, options);
  return signCertificate(ca.privateKey, {
    serial: options.serial ?? Buffer.of(0x51, 0x02),
    issuer: options.issuer ?? ca.name,
    subject: options.subject ?? EMPTY_NAME,
    notBefore: options.notBefore ?? NOT_BEFORE,
    notAfter: options.notAfter ?? NOT_AFTER,
    spki: options.spki,
    extensions: options.extensions?.(good) ?? Object.values(good),
  });
}

/** A Name with the TPM's manufacturer, model and version: in one relative name, or in three. */
export function tpmName(
  values: readonly [manufacturer: string, model: string, version: string],
  oneEach = false,
): Bytes {
  const attributes = values.map((text, index) => sequence(oid(`2.23.133.2.${index + 1}`), utf8String(text)));
  return sequence(...(oneEach ? attributes.map((attribute) => setOf(attribute)) : [setOf(...attributes)]));
}

/** tPMSpecification inside subjectDirectoryAttributes. */
export const tpmSpecification = (family: string): Bytes =>
  extension(
    EXTENSION.subjectDirectoryAttributes,
    false,
    sequence(sequence(oid('2.23.133.2.16'), setOf(sequence(utf8String(family), integer(0), integer(138))))),
  );

function goodExtensions(ca: LabEkCa, options: EkCertificateOptions): EkExtensions {
  const { manufacturer = 'id:53544D20', model = 'LAB-1', version = 'id:00010002' } = options;
  return {
    basicConstraints: basicConstraints(),
    keyUsage: keyUsage(options.keyType === 'rsa' ? 'keyEncipherment' : 'keyAgreement'),
    extendedKeyUsage: extendedKeyUsage(KEY_PURPOSE.ekCertificate),
    subjectAltName: subjectAltName(true, directoryName(tpmName([manufacturer, model, version]))),
    subjectDirectoryAttributes: tpmSpecification('2.0'),
    authorityKeyIdentifier: authorityKeyIdentifier(ca.keyId),
  };
}

function signCertificate(
  privateKey: KeyObject,
  parts: Omit<Parameters<typeof buildTbsCertificate>[0], 'signatureAlgorithm'>,
): Bytes {
  const tbs = buildTbsCertificate({ ...parts, signatureAlgorithm: SIGNATURE_ALGORITHM.ecdsaSha256 });
  return buildSigned(tbs, SIGNATURE_ALGORITHM.ecdsaSha256, sign('sha256', tbs, privateKey));
}
