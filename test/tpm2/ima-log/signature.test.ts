import { publicDecrypt } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { fromHex, toHex } from '#core/bytes.ts';
import { formatCode } from '#test/lab/format-code.ts';
import { sharedVector } from '#test/lab/vectors.ts';
import { parseImaSignature } from '#tpm2/ima-log/signature.ts';

describe('parseImaSignature', () => {
  test.each([
    ['03020411223344' + '0002abcd', { kind: 'ima', version: 2, hash: 'sha256' }],
    ['05020611223344' + '0002abcd', { kind: 'evm-portable', version: 2, hash: 'sha512' }],
    ['06030511223344' + '0002abcd', { kind: 'verity', version: 3, hash: 'sha384' }],
    ['03020211223344' + '0002abcd', { kind: 'ima', version: 2, hash: 'sha1' }],
  ])('reads %s', (hex, expected) => {
    expect(parseImaSignature(fromHex(hex))).toEqual({
      ...expected,
      keyId: fromHex('11223344'),
      signature: fromHex('abcd'),
    });
  });

  test.each([
    ['a signature as it is', '03020411223344' + '0002abcd', 'accepted'],
    ['a digest in place of a signature', '04020411223344' + '0002abcd', 'unknown-selector'],
    ['version 1', '03010411223344' + '0002abcd', 'unknown-selector'],
    ['version 3 of a file’s digest', '03030411223344' + '0002abcd', 'unknown-selector'],
    ['version 2 of fs-verity’s', '06020411223344' + '0002abcd', 'unknown-selector'],
    ['a hash this system does not verify', '03020111223344' + '0002abcd', 'unknown-selector'],
    ['a size beyond its bytes', '03020411223344' + '0003abcd', 'truncated'],
    ['a size short of its bytes', '03020411223344' + '0001abcd', 'trailing-bytes'],
    ['nothing', '', 'truncated'],
  ])('says what is wrong with %s', (_what, hex, code) => {
    expect(formatCode(() => parseImaSignature(fromHex(hex)))).toBe(code);
  });

  const list = sharedVector('keylime__keylime/ima/signatures.txt');
  const key = sharedVector('keylime__keylime/ima/rsa2048pub.pem');
  test.skipIf(list === undefined || key === undefined)(
    'reads a signature that its key made over the file’s digest',
    () => {
      const [rsa = '', ec = ''] = readFileSync(list ?? '', 'latin1')
        .trim()
        .split('\n');
      const signature = parseImaSignature(fromHex(rsa.split(' ').at(-1) ?? ''));
      expect(signature).toMatchObject({ kind: 'ima', version: 2, hash: 'sha256', keyId: fromHex('f3452d23') });
      const digestInfo = publicDecrypt(readFileSync(key ?? ''), signature.signature);
      expect(toHex(digestInfo.subarray(-32))).toBe(rsa.split(' ')[3]?.replace('sha256:', ''));
      expect(parseImaSignature(fromHex(ec.trim().split(' ').at(-1) ?? ''))).toMatchObject({
        kind: 'ima',
        hash: 'sha256',
      });
    },
  );

  const bad = sharedVector('keylime__keylime/ima/bad_signatures.txt');
  test.skipIf(bad === undefined)('refuses keylime’s bad signatures', () => {
    const [first = ''] = readFileSync(bad ?? '', 'latin1')
      .trim()
      .split('\n');
    expect(formatCode(() => parseImaSignature(fromHex(first.trim().split(' ').at(-1) ?? '')))).toBe('truncated');
  });
});
