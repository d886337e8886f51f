import { expect, test } from 'vitest';

import { fromHex, toHex } from '#core/bytes.ts';
import { sha256Hex } from '#core/digest.ts';
import { toBeSignedDigest } from '#attestation/measured-boot/certificate-digest.ts';

const TBS = '3003020105';

test.each([
  ['as it is', `3007${TBS}0400`, sha256Hex(fromHex(TBS))],
  ['with another signature', `3009${TBS}0402abcd`, sha256Hex(fromHex(TBS))],
  ['that is empty', '3000', undefined],
  ['that is no sequence', '0400', undefined],
  ['that is cut', `3008${TBS}0400`, undefined],
  ['of nothing', '', undefined],
])('the digest of the to-be-signed part of a certificate %s', (_what, hex, expected) => {
  const digest = toBeSignedDigest(fromHex(hex));
  expect(digest && toHex(digest)).toBe(expected);
});
