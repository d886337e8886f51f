import { describe, expect, test } from 'vitest';

import { EK_CHAIN_NV_RANGE, EK_NV_INDEX, EK_PERSISTENT_HANDLE, SRK_PERSISTENT_HANDLE } from '#tpm2/ek-nv-index.ts';
import { EK_TEMPLATE_IDS } from '#tpm2/ek-template.ts';

/** TCG EK Credential Profile 2.6, tables of §2.2.1.4: certificate, nonce, template. */
const PROFILE = [
  ['L-1', 0x01c00002, 0x01c00003, 0x01c00004],
  ['L-2', 0x01c0000a, 0x01c0000b, 0x01c0000c],
  ['H-1', 0x01c00012, undefined, 0x01c00013],
  ['H-2', 0x01c00014, undefined, 0x01c00015],
  ['H-3', 0x01c00016, undefined, 0x01c00017],
  ['H-4', 0x01c00018, undefined, 0x01c00019],
  ['H-6', 0x01c0001c, undefined, 0x01c0001d],
  ['H-7', 0x01c0001e, undefined, 0x01c0001f],
] as const;

describe('where a TPM keeps its EKs', () => {
  test.each(PROFILE)('the indices of %s are the profile’s', (id, certificate, nonce, template) => {
    expect(EK_NV_INDEX[id]).toEqual(nonce === undefined ? { certificate, template } : { certificate, nonce, template });
  });

  test('every template has its indices', () => {
    expect(PROFILE.map(([id]) => id)).toEqual(EK_TEMPLATE_IDS);
  });

  test('a chain of issuers is in the 256 indices of its own', () => {
    expect(EK_CHAIN_NV_RANGE).toEqual({ first: 0x01c00100, last: 0x01c001ff });
  });

  test('persistent keys are where the provisioning guidance puts them', () => {
    expect(EK_PERSISTENT_HANDLE).toEqual({ 'L-1': 0x81010001, 'L-2': 0x81010002, 'H-3': 0x81010016 });
    expect(SRK_PERSISTENT_HANDLE).toBe(0x81000001);
  });
});
