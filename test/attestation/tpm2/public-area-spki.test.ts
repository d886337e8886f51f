import { expect, test } from 'vitest';

import { fromHex, toHex } from '#core/bytes.ts';
import { plainSpkiOf } from '#attestation/tpm2/public-area-spki.ts';
import { parsePublicArea, type PublicArea } from '#tpm2/public-area.ts';
import { publicAreaSpki } from '#tpm2/public-key.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { vectorJson } from '#test/lab/vectors.ts';

const spkiHex = (area: PublicArea): string => (area.type === 'keyedhash' ? '' : toHex(plainSpkiOf(area)));

test.each(['rsa', 'p256', 'p384'] as const)('the SPKI of an EK of kind %s is what OpenSSL would write', (ek) => {
  const { ekArea } = labTpm({ ek });
  expect(spkiHex(ekArea)).toBe(toHex(publicAreaSpki(ekArea)));
});

test('so it is for the keys of a real TPM, and with the exponent written out', () => {
  const areas = vectorJson<Record<string, string>>('generated-swtpm/public-areas.json');
  for (const [kind, hex] of Object.entries(areas)) {
    if (kind === 'names') continue;
    const area = parsePublicArea(fromHex(hex));
    expect(spkiHex(area)).toBe(toHex(publicAreaSpki(area)));
  }
  const rsa = labTpm({ ek: 'rsa' }).ekArea;
  const written: PublicArea = rsa.type === 'rsa' ? { ...rsa, exponent: 65_537 } : rsa;
  expect(spkiHex(written)).toBe(spkiHex(rsa));
});

test('a coordinate that lost its leading zeros gets them back', () => {
  const { ekArea } = labTpm();
  if (ekArea.type !== 'ecc') throw new TypeError('not ECC');
  const x = Buffer.concat([Buffer.alloc(1), ekArea.x.subarray(1)]);
  expect(spkiHex({ ...ekArea, x: x.subarray(1) })).toBe(spkiHex({ ...ekArea, x }));
});
