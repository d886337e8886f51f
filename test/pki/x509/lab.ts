import { createPublicKey, type KeyObject, sign } from 'node:crypto';

import type { Bytes } from '#core/bytes.ts';
import { SIGNATURE_ALGORITHM } from '#pki/x509/algorithm-writer.ts';
import { buildSigned, buildTbsCertificate } from '#pki/x509/certificate-writer.ts';
import { type Certificate, parseCertificate } from '#pki/x509/certificate.ts';
import { DerReader } from '#pki/x509/der-reader.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  extendedKeyUsage,
  keyUsage,
  subjectKeyIdentifier,
} from '#pki/x509/extension-writer.ts';
import { keyIdentifier } from '#pki/x509/key-identifier.ts';
import { buildName } from '#pki/x509/name-writer.ts';
import { ATTRIBUTE, KEY_PURPOSE } from '#pki/x509/oids.ts';
import { parseSpki } from '#pki/x509/spki.ts';
import { fixedKey } from '#test/lab/fixed-keys.ts';

/** The elements of a to-be-signed part, each with its header. */
export function tbsElements(tbs: Bytes): readonly Bytes[] {
  const reader = new DerReader(tbs, 'TBSCertificate').sequence();
  const parts: Bytes[] = [];
  while (reader.remaining > 0) parts.push(reader.element().raw);
  return parts;
}

/** The hour at which the lab's chains are judged. */
export const NOW = new Date('2026-11-21T12:00:00Z');
export const NOT_BEFORE = new Date('2026-01-01T00:00:00Z');
export const NOT_AFTER = new Date('2027-01-01T00:00:00Z');

/** Extensions of a lab certificate by name, so that a test can leave out, replace or add one. */
export type Extensions = Readonly<Record<string, Bytes>>;

/** What one test wants otherwise than a good certificate has it. */
export interface Otherwise {
  readonly serial?: Bytes;
  /** Name in the certificate as issuer, where it is not the issuer's. */
  readonly issuer?: Bytes;
  readonly subject?: Bytes;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly spki?: Bytes;
  readonly signatureAlgorithm?: Bytes;
  readonly extensions?: (good: Extensions) => Extensions;
  /** Changes the to-be-signed bytes before they are signed. */
  readonly tbs?: (tbs: Bytes) => Bytes;
  /** Signs in place of the issuer's key. */
  readonly signWith?: KeyObject;
}

/** A certificate with the key it is for. */
export interface Identity {
  readonly certificate: Certificate;
  readonly key: KeyObject;
}

export const nameOf = (commonName: string): Bytes => buildName([ATTRIBUTE.commonName, commonName]);

export const spkiOf = (key: KeyObject): Bytes => createPublicKey(key).export({ type: 'spki', format: 'der' });

const skiOf = (spki: Bytes): Bytes => keyIdentifier(parseSpki(spki));

/** A self-signed CA called `label`, its key made from its label. */
export function root(label = 'Root', otherwise: Otherwise = {}): Identity {
  const key = fixedKey(label);
  const name = nameOf(label);
  return { key, certificate: parse(build({ key, name }, key, name, caExtensions, otherwise)) };
}

/** A CA called `label` below `issuer`. */
export function intermediate(issuer: Identity, label = 'Intermediate', otherwise: Otherwise = {}): Identity {
  const key = fixedKey(label);
  return { key, certificate: parse(build(below(issuer), key, nameOf(label), caExtensions, otherwise)) };
}

/** A TLS client called `label` below `issuer`. */
export function leaf(issuer: Identity, label = 'Leaf', otherwise: Otherwise = {}): Certificate {
  return parse(leafDer(issuer, label, otherwise));
}

/** The same as bytes, for what does not parse. */
export function leafDer(issuer: Identity, label = 'Leaf', otherwise: Otherwise = {}): Bytes {
  return build(below(issuer), fixedKey(label), nameOf(label), leafExtensions, otherwise);
}

interface Issuer {
  readonly key: KeyObject;
  readonly name: Bytes;
}

const below = ({ certificate, key }: Identity): Issuer => ({ key, name: certificate.subject.raw });

const parse = (der: Bytes): Certificate => parseCertificate(der);

const caExtensions = (issuerSki: Bytes, ski: Bytes): Extensions => ({
  basicConstraints: basicConstraints('unlimited'),
  keyUsage: keyUsage('keyCertSign', 'cRLSign'),
  subjectKeyIdentifier: subjectKeyIdentifier(ski),
  authorityKeyIdentifier: authorityKeyIdentifier(issuerSki),
});

const leafExtensions = (issuerSki: Bytes, ski: Bytes): Extensions => ({
  basicConstraints: basicConstraints(),
  keyUsage: keyUsage('digitalSignature'),
  extendedKeyUsage: extendedKeyUsage(KEY_PURPOSE.clientAuth),
  subjectKeyIdentifier: subjectKeyIdentifier(ski),
  authorityKeyIdentifier: authorityKeyIdentifier(issuerSki),
});

function build(
  issuer: Issuer,
  key: KeyObject,
  name: Bytes,
  goodExtensions: (issuerSki: Bytes, ski: Bytes) => Extensions,
  otherwise: Otherwise,
): Bytes {
  const spki = otherwise.spki ?? spkiOf(key);
  const good = goodExtensions(skiOf(spkiOf(issuer.key)), skiOf(spki));
  const signatureAlgorithm = otherwise.signatureAlgorithm ?? SIGNATURE_ALGORITHM.ecdsaSha256;
  const tbs = buildTbsCertificate({
    serial: otherwise.serial ?? skiOf(spki).subarray(0, 16),
    signatureAlgorithm,
    issuer: otherwise.issuer ?? issuer.name,
    notBefore: otherwise.notBefore ?? NOT_BEFORE,
    notAfter: otherwise.notAfter ?? NOT_AFTER,
    subject: otherwise.subject ?? name,
    spki,
    extensions: Object.values(otherwise.extensions?.(good) ?? good),
  });
  const signed = otherwise.tbs?.(tbs) ?? tbs;
  return buildSigned(signed, signatureAlgorithm, sign('sha256', signed, otherwise.signWith ?? issuer.key));
}
