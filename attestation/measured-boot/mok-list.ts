import { type Bytes, concatBytes, fromHex } from '#core/bytes.ts';

/** EFI_GUIDs as bytes: EFI_CERT_SHA256_GUID, EFI_CERT_X509_GUID, and shim's own, the owner of what it puts into lists. */
const CERT_SHA256 = fromHex('2616c4c14c509240aca941f936934328');
const CERT_X509 = fromHex('a159c0a5e494a74a87b5ab155c2bf072');
const SHIM_LOCK = fromHex('50ab5d6046e00043abb63dd810dd8b23');

const LIST_HEADER_SIZE = 28;

/** What shim mirrors where there are neither MOKs nor certificates of its vendor: a list of one digest, all zeros. */
export const emptyMokList = (): Bytes => signatureList(CERT_SHA256, new Uint8Array(32));

/** What shim mirrors where there are no MOKs and its vendor built one certificate in. */
export const vendorMokList = (certificate: Bytes): Bytes => signatureList(CERT_X509, certificate);

/** An EFI_SIGNATURE_LIST with one entry, owned by shim. */
function signatureList(type: Bytes, data: Bytes): Bytes {
  const entrySize = SHIM_LOCK.byteLength + data.byteLength;
  const sizes = Buffer.alloc(12);
  sizes.writeUInt32LE(LIST_HEADER_SIZE + entrySize, 0);
  sizes.writeUInt32LE(entrySize, 8);
  return concatBytes(type, sizes, SHIM_LOCK, data);
}
