import type { Bytes } from '#core/bytes.ts';

import type { Certificate } from '../x509/certificate.ts';
import { DerReader } from '../x509/der-reader.ts';
import { contextPrimitive, TAG } from '../x509/der-tags.ts';
import { X509FormatError } from '../x509/format-error.ts';
import type { Name, NameAttribute } from '../x509/name.ts';
import { parsePublicKey, type PublicKey } from '../x509/public-key.ts';

/** One attribute of a certificate's names, with its value as text. */
export interface ViewAttribute {
  readonly of: 'issuer' | 'subject';
  readonly type: string;
  readonly tag: number;
  /** Undefined where the bytes are not text of the type that the tag says. */
  readonly text: string | undefined;
}

/** A certificate as the rules see it: parsed, with what several of them need worked out once. */
export interface CertificateView {
  readonly certificate: Certificate;
  /** The certificate whose key signs it, where it is known; itself for a self-signed one. */
  readonly issuer: Certificate | undefined;
  readonly attributes: readonly ViewAttribute[];
  /** Undefined where the key does not parse as its algorithm says. */
  readonly publicKey: PublicKey | undefined;
  readonly hasUniqueId: boolean;
  readonly isCa: boolean;
  /** Issuer and subject are the same bytes. */
  readonly isSelfNamed: boolean;
}

export function viewOf(certificate: Certificate, issuer?: Certificate): CertificateView {
  const { subject, extensions } = certificate;
  return {
    certificate,
    issuer,
    attributes: [...attributesOf('issuer', certificate.issuer), ...attributesOf('subject', subject)],
    publicKey: publicKeyOf(certificate),
    hasUniqueId: hasUniqueId(certificate),
    isCa: extensions.basicConstraints?.ca === true,
    isSelfNamed: Buffer.compare(certificate.issuer.raw, subject.raw) === 0,
  };
}

/** Attributes of a name, in order, whichever relative name they are in. */
export function attributesOf(of: ViewAttribute['of'], name: Name): readonly ViewAttribute[] {
  return name.rdns
    .flat()
    .map((attribute) => ({ of, type: attribute.type, tag: attribute.tag, text: textOf(attribute) }));
}

function textOf({ tag, value }: NameAttribute): string | undefined {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  switch (tag) {
    case TAG.utf8String:
      return bytes.toString('utf8');
    case TAG.bmpString:
      return bytes.byteLength % 2 === 0 ? Buffer.from(bytes).swap16().toString('utf16le') : undefined;
    case TAG.universalString:
      return undefined;
    case TAG.t61String:
      return bytes.toString('latin1');
    default:
      return bytes.some((byte) => byte >= 0x80) ? undefined : bytes.toString('latin1');
  }
}

function publicKeyOf(certificate: Certificate): PublicKey | undefined {
  try {
    return parsePublicKey(certificate.publicKey);
  } catch (error) {
    if (error instanceof X509FormatError) return undefined;
    throw error;
  }
}

/** The parser steps over unique identifiers without keeping them, so this looks at the element behind the public key. */
function hasUniqueId({ tbs, publicKey }: Certificate): boolean {
  const behind = publicKey.raw.byteOffset + publicKey.raw.byteLength - tbs.byteOffset;
  const rest: Bytes = tbs.subarray(behind);
  const reader = new DerReader(rest, 'TBSCertificate');
  return reader.next(contextPrimitive(1)) || reader.next(contextPrimitive(2));
}
