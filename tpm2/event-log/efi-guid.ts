import { type Bytes, toHex } from '#core/bytes.ts';

/** Owners and types that boot measurements name, as `guidText` writes them. */
export const GUID = {
  /** EFI_GLOBAL_VARIABLE: SecureBoot, PK, KEK and the modes. */
  globalVariable: '8be4df61-93ca-11d2-aa0d-00e098032b8c',
  /** EFI_IMAGE_SECURITY_DATABASE: db, dbx, dbt, dbr. */
  imageSecurityDatabase: 'd719b2cb-3d3a-4596-a3bc-dad00e67656f',
  /** SHIM_LOCK: what shim measures and mirrors. */
  shimLock: '605dab50-e046-4300-abb6-3dd810dd8b23',
  certX509: 'a5c059a1-94e4-4aa7-87b5-ab155c2bf072',
  certSha256: 'c1c41626-504c-4092-aca9-41f936934328',
  certX509Sha256: '3bd2a492-96c0-4079-b420-fcf98ef103ed',
} as const;

/** An EFI_GUID of 16 bytes as text: its first three numbers are little-endian. Throws RangeError on another length. */
export function guidText(bytes: Bytes): string {
  if (bytes.byteLength !== GUID_SIZE) throw new RangeError('a GUID has 16 bytes');
  const hex = toHex(bytes);
  const part = (order: readonly number[]): string => order.map((at) => hex.slice(at * 2, at * 2 + 2)).join('');
  return `${part([3, 2, 1, 0])}-${part([5, 4])}-${part([7, 6])}-${part([8, 9])}-${hex.slice(20)}`;
}

export const GUID_SIZE = 16;
