import { describe, expect, test } from 'vitest';

import { formatCode } from '#test/lab/format-code.ts';
import { digestField, imaLog, nameField } from '#test/lab/ima-log-builder.ts';
import { parseImaLog } from '#tpm2/ima-log.ts';

/** Linux, include/uapi/linux/hash_info.h and crypto/hash_info.c, and the name of SM3 before Linux 4.10. */
const KERNEL_HASHES = [
  ['md4', 16],
  ['md5', 16],
  ['sha1', 20],
  ['rmd160', 20],
  ['sha256', 32],
  ['sha384', 48],
  ['sha512', 64],
  ['sha224', 28],
  ['rmd128', 16],
  ['rmd256', 32],
  ['rmd320', 40],
  ['wp256', 32],
  ['wp384', 48],
  ['wp512', 64],
  ['tgr128', 16],
  ['tgr160', 20],
  ['tgr192', 24],
  ['sm3', 32],
  ['sm3-256', 32],
  ['streebog256', 32],
  ['streebog512', 64],
  ['sha3-256', 32],
  ['sha3-384', 48],
  ['sha3-512', 64],
] as const;

const read = (algorithm: string, size: number) =>
  parseImaLog(
    imaLog([{ template: 'ima-ng', fields: [digestField(algorithm, new Uint8Array(size).fill(1)), nameField('/x')] }]),
  );

describe('a file digest', () => {
  test.each(KERNEL_HASHES)('by %s has its size and no other', (algorithm, size) => {
    expect(read(algorithm, size)[0]?.fields.digest).toMatchObject({ kind: 'ima', algorithm });
    expect(formatCode(() => read(algorithm, size - 1))).toBe('size-out-of-range');
    expect(formatCode(() => read(algorithm, size + 1))).toBe('size-out-of-range');
  });

  test('has a prefix of at most 32 bytes', () => {
    expect(formatCode(() => read('a'.repeat(30), 32))).toBe('unknown-selector');
    expect(formatCode(() => read('a'.repeat(31), 32))).toBe('bad-value');
  });

  test('is by a hash that the kernel has', () => {
    expect(formatCode(() => read('sha999', 32))).toBe('unknown-selector');
  });
});
