/** A TPM's firmware version as the audit log and the inventory keep it: the 64 bits that the TPM packs it into, 16 hex digits. */
export const renderFirmware = (version: bigint): string => version.toString(16).padStart(16, '0');
