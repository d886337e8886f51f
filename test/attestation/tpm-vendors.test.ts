import { expect, test } from 'vitest';

import { mayCertify, tpmVendor } from '#attestation/tpm-vendors.ts';

test.each([
  ['id:53544D20', 'STMicroelectronics'],
  ['id:53544d20', 'STMicroelectronics'],
  ['id:00001014', 'libtpms (IBM)'],
  ['53544D20', undefined],
  ['id:53544D2', undefined],
  ['id:53544D200', undefined],
  ['id:DEADBEEF', undefined],
  ['', undefined],
])('manufacturer %j is %s', (manufacturer, expected) => {
  expect(tpmVendor(manufacturer)?.name).toBe(expected);
});

test.each([
  ["its maker's own authorities", ['STMicroelectronics NV'], 'id:53544D20', true],
  ["its maker's below a common root", ['STMicroelectronics NV', 'GlobalSign'], 'id:53544D20', true],
  ['an authority that is no maker', ['GlobalSign'], 'id:494E5443', true],
  ['authorities without a name', [], 'id:494E5443', true],
  ["another maker's", ['STMicroelectronics NV'], 'id:494E5443', false],
  ["another maker's below a common root", ['STMicroelectronics NV', 'GlobalSign'], 'id:494E5443', false],
  ["another maker's root above its own", ['Intel Corporation', 'STMicroelectronics NV'], 'id:494E5443', false],
  ['a root that two makers share', ['NSING Technologies Pte. Ltd.'], 'id:4E545A00', true],
])('a TPM is certified by %s', (_, organizations, manufacturer, expected) => {
  const vendor = tpmVendor(manufacturer);
  expect(vendor !== undefined && mayCertify(organizations, vendor)).toBe(expected);
});
