import { createPublicKey } from 'node:crypto';

import type { Bytes } from '#core/bytes.ts';
import type { NodeName } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import { administratorSubject } from '#pki/administrator-subject.ts';
import type { CertificatePurpose } from '#pki/lint/purpose.ts';
import { PURPOSE_SHAPES } from '#pki/lint/purpose.ts';
import { validityFrom } from '#pki/profile.ts';
import { newSerial, serialBytes } from '#pki/serial.ts';
import { nodeSubject } from '#pki/subject.ts';
import { SIGNATURE_ALGORITHM } from '#pki/x509/algorithm-writer.ts';
import type { Certificate } from '#pki/x509/certificate.ts';
import { bitString, integer, sequence, tagged, time, unsignedInteger } from '#pki/x509/der-writer.ts';
import * as write from '#pki/x509/extension-writer.ts';
import { keyIdentifier } from '#pki/x509/key-identifier.ts';
import { buildName } from '#pki/x509/name-writer.ts';
import { ATTRIBUTE, EXTENSION } from '#pki/x509/oids.ts';
import { parseSpki } from '#pki/x509/spki.ts';

import { LAB_NOW, labKey } from './node-ca.ts';

/** A certificate's elements, each as DER, so that a test can put something wrong in the place of any one. */
export interface SampleParts {
  readonly version: Bytes;
  readonly serial: Bytes;
  readonly innerAlgorithm: Bytes;
  readonly issuer: Bytes;
  readonly validity: Bytes;
  readonly subject: Bytes;
  readonly spki: Bytes;
  readonly uniqueIds: Bytes;
  /** By type; the order of insertion is the order of writing. */
  readonly extensions: ReadonlyMap<string, Bytes>;
  readonly outerAlgorithm: Bytes;
}

/** What a certificate of `purpose`, issued by `issuer` unless it is self-signed, is made of when nothing is wrong with it. */
export function goodParts(purpose: CertificatePurpose, issuer: Certificate): SampleParts {
  const shape = PURPOSE_SHAPES[purpose];
  const spki: Bytes = createPublicKey(labKey()).export({ type: 'spki', format: 'der' });
  const subject = subjectOf(purpose);
  const { notBefore, notAfter } = validityFrom(LAB_NOW, Math.min(shape.maxSeconds, 20 * 86_400));
  return {
    version: tagged(0, integer(2)),
    serial: unsignedInteger(serialBytes(newSerial(systemRandom))),
    innerAlgorithm: SIGNATURE_ALGORITHM.ecdsaSha256,
    issuer: shape.selfSigned ? subject : issuer.subject.raw,
    validity: sequence(time(notBefore), time(notAfter)),
    subject,
    spki,
    uniqueIds: Buffer.alloc(0),
    extensions: goodExtensions(purpose, spki, issuer),
    outerAlgorithm: SIGNATURE_ALGORITHM.ecdsaSha256,
  };
}

/** `parts` as a certificate whose signature is a placeholder. */
export function sampleCertificate(parts: SampleParts): Bytes {
  const { version, serial, innerAlgorithm, issuer, validity, subject, spki, uniqueIds, outerAlgorithm } = parts;
  const list = [...parts.extensions.values()];
  const extensions = list.length === 0 ? [] : [tagged(3, sequence(...list))];
  const tbs = sequence(version, serial, innerAlgorithm, issuer, validity, subject, spki, uniqueIds, ...extensions);
  return sequence(tbs, outerAlgorithm, bitString(sequence(integer(1), integer(1))));
}

function subjectOf(purpose: CertificatePurpose): Bytes {
  if (purpose === 'kubelet-client') return nodeSubject('worker-7' as NodeName);
  if (purpose === 'administrator') return administratorSubject({ name: 'ada', role: 'operator' });
  return buildName([ATTRIBUTE.organization, 'Lab'], [ATTRIBUTE.commonName, `Lab ${purpose}`]);
}

function goodExtensions(purpose: CertificatePurpose, spki: Bytes, issuer: Certificate): ReadonlyMap<string, Bytes> {
  const shape = PURPOSE_SHAPES[purpose];
  const all = new Map<string, Bytes>([
    [EXTENSION.basicConstraints, shape.ca ? write.basicConstraints(shape.pathLength) : write.basicConstraints()],
    [EXTENSION.keyUsage, write.keyUsage(...shape.keyUsage)],
    [EXTENSION.extendedKeyUsage, write.extendedKeyUsage(...(shape.extendedKeyUsage ?? []))],
    [EXTENSION.authorityKeyIdentifier, write.authorityKeyIdentifier(keyIdentifier(issuer.publicKey))],
    [EXTENSION.subjectKeyIdentifier, write.subjectKeyIdentifier(keyIdentifier(parseSpki(spki)))],
    [EXTENSION.subjectAltName, write.subjectAltName(false, write.dnsName('muster.example'))],
  ]);
  return new Map([...all].filter(([oid]) => shape.extensions.includes(oid)));
}
