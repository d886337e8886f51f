import type { EkTemplateId } from './ek-template.ts';

interface EkNvIndices {
  readonly certificate: number;
  /** Present on some TPMs: placed in the template's unique field. */
  readonly nonce?: number;
  /** Present on some TPMs: a TPMT_PUBLIC that overrides the template. */
  readonly template: number;
}

/** NV indices of the EK certificates (TCG EK Credential Profile §2.2.1.4). */
export const EK_NV_INDEX: Readonly<Record<EkTemplateId, EkNvIndices>> = {
  'L-1': { certificate: 0x01c00002, nonce: 0x01c00003, template: 0x01c00004 },
  'L-2': { certificate: 0x01c0000a, nonce: 0x01c0000b, template: 0x01c0000c },
  'H-1': { certificate: 0x01c00012, template: 0x01c00013 },
  'H-2': { certificate: 0x01c00014, template: 0x01c00015 },
  'H-3': { certificate: 0x01c00016, template: 0x01c00017 },
  'H-4': { certificate: 0x01c00018, template: 0x01c00019 },
  'H-6': { certificate: 0x01c0001c, template: 0x01c0001d },
  'H-7': { certificate: 0x01c0001e, template: 0x01c0001f },
};

/** NV indices whose contents, one after the other, are the EK certificates' issuers. */
export const EK_CHAIN_NV_RANGE = { first: 0x01c00100, last: 0x01c001ff } as const;

/**
 * Where an EK may already be persistent. A hint that saves a key generation: what is there is compared with the expected public area before
 * it is used.
 */
export const EK_PERSISTENT_HANDLE: Readonly<Partial<Record<EkTemplateId, number>>> = {
  'L-1': 0x81010001,
  'L-2': 0x81010002,
  'H-3': 0x81010016,
};

/** Where a storage root key usually is. */
export const SRK_PERSISTENT_HANDLE = 0x81000001;
