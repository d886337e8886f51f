import { type Bytes, toHex } from '#core/bytes.ts';
import { GUID_SIZE } from '#tpm2/event-log/efi-guid.ts';
import type { UefiVariable } from '#tpm2/event-log/uefi-variable.ts';

/** What let an image run, or, from shim, another fact about its own verification. */
export interface Authority {
  /** The variable that holds it: db, or one of shim's. */
  readonly guid: string;
  readonly variable: string;
  readonly content: AuthorityContent;
  /** False where the log's data is a byte longer than what was measured. */
  readonly exact: boolean;
}

export type AuthorityContent =
  /** DER that nobody has parsed. */
  | { readonly kind: 'certificate'; readonly der: Bytes }
  /** SHA-256 of an image that is allowed by itself, lower-case hex. */
  | { readonly kind: 'image-digest'; readonly sha256: string }
  | { readonly kind: 'data'; readonly data: Bytes };

const SHA256_SIZE = 32;
const DER_SEQUENCE = 0x30;
const LONG_FORM_2 = 0x82;
const DER_HEADER_SIZE = 4;

/** The authority that a variable's contents are: an EFI_SIGNATURE_DATA, or what shim and GRUB measure, a certificate without an owner. */
export function authorityFrom({ guid, name, data }: UefiVariable, exact: boolean): Authority {
  return { guid, variable: name, content: contentOf(data), exact };
}

function contentOf(data: Bytes): AuthorityContent {
  if (isCertificate(data)) return { kind: 'certificate', der: data };
  const owned = data.subarray(GUID_SIZE);
  if (isCertificate(owned)) return { kind: 'certificate', der: owned };
  if (owned.byteLength === SHA256_SIZE) return { kind: 'image-digest', sha256: toHex(owned) };
  return { kind: 'data', data };
}

/** True for one DER SEQUENCE of 256 to 65,535 bytes, from the first byte to the last. */
function isCertificate(data: Bytes): boolean {
  if (data.byteLength < DER_HEADER_SIZE || data[0] !== DER_SEQUENCE || data[1] !== LONG_FORM_2) return false;
  const length = new DataView(data.buffer, data.byteOffset).getUint16(2);
  return data.byteLength === DER_HEADER_SIZE + length;
}
