import { attributeValues } from '#pki/x509/name-compare.ts';
import { parseDirectoryAttributes } from '#pki/x509/attribute.ts';
import { type Certificate, certificateSerial } from '#pki/x509/certificate.ts';
import { DerReader } from '#pki/x509/der-reader.ts';
import { TAG } from '#pki/x509/der-tags.ts';
import type { GeneralName } from '#pki/x509/general-name.ts';
import { EXTENSION, KEY_ALGORITHM } from '#pki/x509/oids.ts';

import type { Denial } from '../result.ts';

/** What an EK certificate says of its TPM, once it has the form that one must have. */
export interface EkCertificateFacts {
  /** tcg-at-tpmManufacturer. */
  readonly manufacturer: string;
  readonly model: string;
  readonly version: string;
}

/** Attribute types of the TCG (2.23.133.2). */
const TPM_MANUFACTURER = '2.23.133.2.1';
const TPM_MODEL = '2.23.133.2.2';
const TPM_VERSION = '2.23.133.2.3';
const TPM_SPECIFICATION = '2.23.133.2.16';

/** id-on-permanentIdentifier (RFC 4043): the only other name an EK certificate may carry. */
const PERMANENT_IDENTIFIER = '1.3.6.1.5.5.7.8.3';

/**
 * The TPM's manufacturer, model and version, if the certificate has the form of the TCG EK Credential Profile: a positive serial, stated
 * not to be a CA's, key usage critical and encryption only, one directory name with the three TPM attributes, and TPM 2.0 where it
 * states a family. The purpose tcg-kp-EKCertificate is for path validation to demand.
 *
 * Nothing is established about who issued it. Throws X509FormatError.
 */
export function readEkCertificateFacts(certificate: Certificate): EkCertificateFacts | Denial {
  const { extensions } = certificate;
  if (certificateSerial(certificate) === undefined) return unsuitable('the serial number is not a positive one');
  if (extensions.basicConstraints?.ca !== false) return unsuitable('basicConstraints does not say CA:FALSE');
  return checkKeyUsage(certificate) ?? checkFamily(certificate) ?? readTpmName(certificate);
}

/** TPM 2.0 EKs decrypt (RSA) or agree on keys (ECC), and do nothing else. */
function checkKeyUsage({ extensions, publicKey }: Certificate): Denial | undefined {
  const { keyUsage } = extensions;
  if (extensions.all.get(EXTENSION.keyUsage)?.critical !== true || keyUsage === undefined) {
    return unsuitable('keyUsage is absent or not critical');
  }
  const demanded = publicKey.algorithm.oid === KEY_ALGORITHM.ecPublicKey ? 'keyAgreement' : 'keyEncipherment';
  if (!keyUsage.has(demanded)) return unsuitable(`keyUsage lacks ${demanded}`);
  return keyUsage.has('keyCertSign') ? unsuitable('keyUsage is that of a CA') : undefined;
}

/** TPMSpecification ::= SEQUENCE { family UTF8String, level INTEGER, revision INTEGER }. */
function checkFamily({ extensions }: Certificate): Denial | undefined {
  const extension = extensions.all.get(EXTENSION.subjectDirectoryAttributes);
  if (extension === undefined) return undefined;
  const specifications = parseDirectoryAttributes(extension.value, 'tpm-maker').filter(
    ({ type }) => type === TPM_SPECIFICATION,
  );
  for (const value of specifications.flatMap(({ values }) => values)) {
    const family = new DerReader(value, 'TPMSpecification').sequence().content(TAG.utf8String);
    if (Buffer.from(family).toString('utf8') !== '2.0')
      return unsuitable('tPMSpecification is of another family than 2.0');
  }
  return undefined;
}

function readTpmName({ extensions, subject }: Certificate): EkCertificateFacts | Denial {
  if (subject.rdns.length === 0 && extensions.all.get(EXTENSION.subjectAltName)?.critical !== true) {
    return unsuitable('without a subject, subjectAltName must be critical');
  }
  const names = extensions.subjectAltName ?? [];
  const directoryNames = names.filter((name) => name.kind === 'directoryName');
  const [only] = directoryNames;
  const others = names.filter((name) => name.kind !== 'directoryName' && !isPermanentIdentifier(name));
  if (only === undefined || directoryNames.length !== 1 || others.length > 0) {
    return unsuitable('subjectAltName is not one directory name');
  }
  const [manufacturer, model, version] = [TPM_MANUFACTURER, TPM_MODEL, TPM_VERSION].map((type) => {
    const values = attributeValues(only.name, type);
    return values.length === 1 ? values[0] : undefined;
  });
  if (manufacturer === undefined || model === undefined || version === undefined) {
    return unsuitable('subjectAltName lacks manufacturer, model or version of the TPM');
  }
  return { manufacturer, model, version };
}

const isPermanentIdentifier = (name: GeneralName): boolean =>
  name.kind === 'otherName' && name.type === PERMANENT_IDENTIFIER;

const unsuitable = (detail: string): Denial => ({ code: 'ek-certificate-unsuitable', detail });
