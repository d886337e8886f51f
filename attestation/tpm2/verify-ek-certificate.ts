import { type Bytes, equalBytes, toHex } from '#core/bytes.ts';
import { sha256 } from '#core/digest.ts';
import { type Certificate, parseCertificate } from '#pki/x509/certificate.ts';
import { type ChainVerdict, verifyChain } from '#pki/x509/chain.ts';
import type { ChainDenialCode } from '#pki/x509/chain-denial.ts';
import { type ChainPolicy, FOREIGN_CHAIN } from '#pki/x509/chain-policy.ts';
import { attributeValues } from '#pki/x509/name-compare.ts';
import { ATTRIBUTE, EXTENSION } from '#pki/x509/oids.ts';
import { plainSpki } from '#pki/x509/plain-spki.ts';
import { EK_CERTIFICATE } from '#pki/x509/purpose.ts';
import { trimCertificate } from '#pki/x509/trim-certificate.ts';

import { isDenial } from '../denial.ts';
import { renderName } from '../distinguished-name.ts';
import type { Anchors } from '../endorsements.ts';
import type { Denial, VerifiedEkCertificate } from '../result.ts';
import { mayCertify, tpmVendor } from '../tpm-vendors.ts';
import { readEkCertificateFacts } from './ek-certificate-profile.ts';

export interface EkCertificateInput {
  /** SubjectPublicKeyInfo of the EK that the credential was made for. */
  readonly ekSpki: Bytes;
  /** The EK's certificate as its NV index holds it, fill included; then certificates that may have issued it. Unverified. */
  readonly ekCertificates: readonly Bytes[];
  readonly anchors: Anchors;
  readonly now: Date;
}

/** The largest certificate in a TPM's NV, in bytes. */
const MAX_CERTIFICATE_BYTES = 8_192;

const EK_CHAIN: ChainPolicy = {
  ...FOREIGN_CHAIN,
  handledExtensions: new Set([EXTENSION.subjectDirectoryAttributes]),
};

/**
 * Establishes, in this order, that
 *  1. the first certificate is for the EK's own key, so a certificate copied from another machine is worth nothing;
 *  2. a path leads from it to one of `anchors`, valid at `now` (RFC 5280 §6.1), and it is there for an endorsement key (EKU);
 *  3. it has the form of the TCG EK Credential Profile (`readEkCertificateFacts`);
 *  4. it names a maker in the TCG's registry, for whom the authorities on the path may certify.
 *
 * It does not establish that the machine has the TPM (`verifyResidency` does), nor that the certificate was not revoked: makers publish no
 * usable status, and what is known to be bad goes on the policy's list. Throws X509FormatError.
 */
export function verifyEkCertificate(input: EkCertificateInput): VerifiedEkCertificate | Denial {
  const { anchors } = input;
  const [leafBytes = new Uint8Array(), ...issuers] = input.ekCertificates;
  const leaf = parseMakerCertificate(leafBytes);
  const keyDenial = checkCertifiedKey(leaf, input.ekSpki);
  if (keyDenial !== undefined) return keyDenial;
  const chain = verifyChain({
    leaf,
    intermediates: issuers.map((bytes) => anchors.issuers.parsed(trimCertificate(bytes), parseMakerCertificate)),
    anchors: anchors.pool,
    now: input.now,
    purpose: EK_CERTIFICATE,
    policy: EK_CHAIN,
  });
  if (!chain.ok) return chainDenial(chain);
  anchors.issuers.keep(chain.path.slice(1, -1), parseMakerCertificate);
  const facts = readEkCertificateFacts(leaf);
  if (isDenial(facts)) return facts;
  const issuerNames = chain.path.slice(1).map(({ subject }) => subject);
  const organizations = issuerNames
    .flatMap((name) => attributeValues(name, ATTRIBUTE.organization))
    .filter((organization) => organization !== undefined);
  const vendor = tpmVendor(facts.manufacturer);
  const anchor = renderName(issuerNames.at(-1) ?? leaf.issuer);
  if (vendor === undefined || !mayCertify(organizations, vendor)) {
    const detail = vendor === undefined ? 'not in the TCG registry' : `${vendor.name} is not certified under ${anchor}`;
    return { code: 'ek-manufacturer-refused', found: facts.manufacturer, detail };
  }
  const { model, version } = facts;
  return { manufacturer: vendor.id, model, version, software: vendor.software === true || isSoftware(model), anchor };
}

/** Nothing if the certificate is for the key with this SubjectPublicKeyInfo. */
function checkCertifiedKey(certificate: Certificate, ekSpki: Bytes): Denial | undefined {
  const certified = plainSpki(certificate.publicKey).raw;
  if (equalBytes(certified, ekSpki)) return undefined;
  return { code: 'ek-certificate-key-mismatch', expected: toHex(sha256(ekSpki)), found: toHex(sha256(certified)) };
}

/** A certificate as TPM makers write them: see `Dialect`. Throws X509FormatError. */
function parseMakerCertificate(nvContent: Bytes): Certificate {
  return parseCertificate(trimCertificate(nvContent), { maxBytes: MAX_CERTIFICATE_BYTES, dialect: 'tpm-maker' });
}

/** What concerns the EK's certificate itself, rather than the way from it to an anchor. */
const UNSUITABLE: ReadonlySet<ChainDenialCode> = new Set<ChainDenialCode>([
  'leaf-is-a-ca',
  'extended-key-usage-refused',
  'critical-extension-unknown',
]);

function chainDenial({ denials }: Extract<ChainVerdict, { ok: false }>): Denial {
  const [first] = denials;
  const detail = denials
    .map(({ code, depth, extension }) => `${code} at depth ${depth}${extension === undefined ? '' : ` (${extension})`}`)
    .join('; ');
  const isLeaf = first !== undefined && first.depth === 0 && UNSUITABLE.has(first.code);
  return { code: isLeaf ? 'ek-certificate-unsuitable' : 'ek-chain-untrusted', found: first?.code, detail };
}

const isSoftware = (model: string): boolean => /swtpm|simulator/i.test(model);
