import { describe, expect, test } from 'vitest';

import { concatBytes, fromHex, utf8 } from '#core/bytes.ts';
import { EFI, signatureList, uefiVariable } from '#test/lab/boot-log.ts';
import { littleEndian } from '#test/lab/event-log-builder.ts';
import { formatCode } from '#test/lab/format-code.ts';
import { guidText } from '#tpm2/event-log/efi-guid.ts';
import { parseGptEvent } from '#tpm2/event-log/gpt.ts';
import { claimedImagePath, filePath, parseImageLoad } from '#tpm2/event-log/image-load.ts';
import { parseSbatLevel } from '#tpm2/event-log/sbat-level.ts';
import { parseSignatureDatabase } from '#tpm2/event-log/signature-list.ts';
import { parseTaggedEvent } from '#tpm2/event-log/tagged-event.ts';
import { parsePaddedUefiVariable, parseUefiVariable } from '#tpm2/event-log/uefi-variable.ts';

const HUGE = fromHex('ffffffffffffffff');

test('a GUID has its first three numbers little-endian', () => {
  expect(guidText(fromHex('61dfe48bca93d211aa0d00e098032b8c'))).toBe('8be4df61-93ca-11d2-aa0d-00e098032b8c');
  expect(() => guidText(new Uint8Array(15))).toThrow(RangeError);
});

describe('parseUefiVariable', () => {
  const good = uefiVariable(EFI.global, 'PK', utf8('data'));

  test('reads vendor, name and contents', () => {
    expect(parseUefiVariable(good)).toEqual({
      guid: '8be4df61-93ca-11d2-aa0d-00e098032b8c',
      name: 'PK',
      data: Buffer.from('data'),
    });
  });

  test.each([
    ['as it is', good, 'accepted'],
    ['without contents', uefiVariable(EFI.global, 'PK', new Uint8Array()), 'accepted'],
    ['cut', good.subarray(0, -1), 'truncated'],
    ['longer', concatBytes(good, Buffer.of(0)), 'trailing-bytes'],
    ['with a name of 2^64−1 characters', concatBytes(EFI.global, HUGE, new Uint8Array(8)), 'truncated'],
    ['with contents of 2^64−1 bytes', concatBytes(EFI.global, new Uint8Array(8), HUGE), 'truncated'],
    ['with lengths that add up beyond 2^64', concatBytes(EFI.global, HUGE, HUGE, utf8('x')), 'truncated'],
    ['of nothing', new Uint8Array(), 'truncated'],
  ])('%s', (_what, bytes, code) => {
    expect(formatCode(() => parseUefiVariable(bytes))).toBe(code);
  });

  test.each([
    ['no padding', '', 'accepted'],
    ['seven zeros', '00000000000000', 'accepted'],
    ['eight zeros', '0000000000000000', 'trailing-bytes'],
    ['another byte', '0001', 'trailing-bytes'],
  ])('with %s', (_what, padding, code) => {
    expect(formatCode(() => parsePaddedUefiVariable(concatBytes(good, fromHex(padding))))).toBe(code);
  });
});

describe('parseSignatureDatabase', () => {
  const digest = new Uint8Array(32).fill(7);
  const list = signatureList(EFI.sha256, [digest, digest]);
  const resized = (at: number, value: number): Uint8Array => {
    const bytes = Buffer.from(list);
    bytes.writeUInt32LE(value, at);
    return bytes;
  };

  const ofCertificates = (listSize: number, entrySize: number): Uint8Array =>
    concatBytes(
      EFI.x509,
      littleEndian(listSize, 4),
      littleEndian(0, 4),
      littleEndian(entrySize, 4),
      new Uint8Array(listSize - 28),
    );

  test('reads the entries of every list by kind', () => {
    const bytes = concatBytes(
      signatureList(EFI.sha256, [digest, new Uint8Array(32).fill(8), new Uint8Array(32).fill(9)]),
      signatureList(EFI.x509, [utf8('certificate'), utf8('another one')]),
      signatureList(EFI.x509Sha256, [concatBytes(digest, new Uint8Array(16))]),
      signatureList(EFI.owner, [utf8('x'), utf8('y')]),
    );
    expect(parseSignatureDatabase(bytes)).toEqual({
      certificates: [Buffer.from('certificate'), Buffer.from('another one')],
      imageDigests: ['07'.repeat(32), '08'.repeat(32), '09'.repeat(32)],
      certificateDigests: ['07'.repeat(32)],
      others: 2,
    });
    expect(parseSignatureDatabase(new Uint8Array())).toMatchObject({ certificates: [], others: 0 });
  });

  test('skips a list’s header', () => {
    const withHeader = concatBytes(
      list.subarray(0, 16),
      littleEndian(28 + 4 + 96, 4),
      littleEndian(4, 4),
      littleEndian(48, 4),
      new Uint8Array(4),
      list.subarray(28),
    );
    expect(parseSignatureDatabase(withHeader).imageDigests.length).toBe(2);
  });

  const LIST_SIZE = 16;
  const HEADER_SIZE = 20;
  const ENTRY_SIZE = 24;
  test.each([
    ['as it is', list, 'accepted'],
    ['without entries', concatBytes(list.subarray(0, 16), littleEndian(28, 4), list.subarray(20, 28)), 'accepted'],
    ['cut', list.subarray(0, -1), 'truncated'],
    ['with a byte after it', concatBytes(list, Buffer.of(0)), 'truncated'],
    ['smaller than its header', resized(LIST_SIZE, 27), 'bad-value'],
    ['of size 0', resized(LIST_SIZE, 0), 'bad-value'],
    ['smaller than its header by an entry', resized(HEADER_SIZE, 96 + 48), 'bad-value'],
    ['of certificates with entries that are owners alone', signatureList(EFI.x509, [new Uint8Array()]), 'bad-value'],
    ['of certificates with entries shorter than an owner', ofCertificates(28 + 32, 8), 'bad-value'],
    ['of certificates with entries of a byte and an owner', signatureList(EFI.x509, [Buffer.of(1)]), 'accepted'],
    ['of 2^32−1 bytes', resized(LIST_SIZE, 0xffffffff), 'bad-value'],
    [
      'of 2^32−1 bytes that its entries fill',
      concatBytes(EFI.owner, littleEndian(28 + 17 * 0xf0f0f0, 4), littleEndian(0, 4), littleEndian(17, 4)),
      'truncated',
    ],
    ['with a header beyond it', resized(HEADER_SIZE, 0xffffffff), 'bad-value'],
    ['with entries of size 0', resized(ENTRY_SIZE, 0), 'bad-value'],
    ['with entries that are owners alone', resized(ENTRY_SIZE, 16), 'bad-value'],
    ['with entries that do not fill it', resized(ENTRY_SIZE, 47), 'bad-value'],
    ['of SHA-256 with entries of another size', signatureList(EFI.sha256, [new Uint8Array(20)]), 'bad-value'],
    ['of certificate digests without a time', signatureList(EFI.x509Sha256, [digest]), 'bad-value'],
  ])('a list %s', (_what, bytes, code) => {
    expect(formatCode(() => parseSignatureDatabase(bytes))).toBe(code);
  });
});

describe('parseSbatLevel', () => {
  /** A good level of `size` bytes. */
  const levelOf = (size: number): string => {
    const head = 'sbat,1,2021030218\n';
    const lines = Array.from({ length: 500 }, (_, at) => `c${String(at).padStart(5, '0')},1\n`);
    const whole = head + lines.join('').slice(0, 9 * Math.floor((size - head.length - 18) / 9));
    return `${whole}${'x'.repeat(size - whole.length - 3)},1\n`;
  };

  test('reads date and generations', () => {
    expect(parseSbatLevel(utf8('sbat,1,2023012900\nshim,2\ngrub.debian,4\n'))).toEqual({
      date: '2023012900',
      generations: new Map([
        ['shim', 2],
        ['grub.debian', 4],
      ]),
    });
  });

  test.each([
    ['as the first one was', 'sbat,1,2021030218\n', 'accepted'],
    ['without a line feed at its end', 'sbat,1,2021030218', 'bad-value'],
    ['of nothing', '', 'bad-value'],
    ['of another version', 'sbat,2,2021030218\n', 'bad-value'],
    ['with a date of nine digits', 'sbat,1,202103021\n', 'bad-value'],
    ['with something before its first line', 'x\nsbat,1,2021030218\n', 'bad-value'],
    ['with something before its head', 'xsbat,1,2021030218\n', 'bad-value'],
    ['with a date of eleven digits', 'sbat,1,20210302180\n', 'bad-value'],
    ['with an unnamed component', 'sbat,1,2021030218\n,1\n', 'bad-value'],
    ['with something before a component', 'sbat,1,2021030218\n shim,1\n', 'bad-value'],
    ['with something after a generation', 'sbat,1,2021030218\nshim,1 \n', 'bad-value'],
    ['with letters in a generation', 'sbat,1,2021030218\nshim,1a\n', 'bad-value'],
    ['with a generation of nine digits', 'sbat,1,2021030218\nshim,123456789\n', 'accepted'],
    ['with a component twice', 'sbat,1,2021030218\nshim,1\nshim,2\n', 'bad-value'],
    ['with generation 0', 'sbat,1,2021030218\nshim,0\n', 'bad-value'],
    ['with a generation that is no number', 'sbat,1,2021030218\nshim,x\n', 'bad-value'],
    ['with an empty line', 'sbat,1,2021030218\n\n', 'bad-value'],
    ['with a NUL', 'sbat,1,2021030218\n\0', 'bad-value'],
    ['of 4,096 bytes', levelOf(4_096), 'accepted'],
    ['of a byte more', levelOf(4_097), 'bad-value'],
    [
      'of 5,000 bytes',
      `sbat,1,2021030218\n${Array.from({ length: 700 }, (_, at) => `c${at},1\n`).join('')}`,
      'bad-value',
    ],
  ])('a level %s', (_what, text, code) => {
    expect(formatCode(() => parseSbatLevel(utf8(text)))).toBe(code);
  });
});

describe('parseImageLoad', () => {
  const node = (type: number, subtype: number, content: Uint8Array) =>
    concatBytes(Buffer.of(type, subtype), littleEndian(content.byteLength + 4, 2), content);
  const file = (path: string) => node(4, 4, Buffer.from(`${path}\0`, 'utf16le'));
  const END = node(0x7f, 0xff, new Uint8Array());
  const load = (path: Uint8Array, length = path.byteLength) =>
    concatBytes(littleEndian(1, 8), littleEndian(2, 8), littleEndian(3, 8), littleEndian(length, 8), path);

  test('reads where an image went and what it was', () => {
    const path = concatBytes(node(1, 1, utf8('xx')), file('\\EFI'), file('\\x.efi'), END);
    const parsed = parseImageLoad(load(path));
    expect(parsed).toMatchObject({ base: 1n, length: 2n, linkTime: 3n });
    expect(filePath(parsed.devicePath)).toBe('\\EFI\\x.efi');
    expect(filePath(concatBytes(END, file('after the end')))).toBeUndefined();
    expect(claimedImagePath(load(path))).toBe('\\EFI\\x.efi');
  });

  test('only file-path nodes of media name files, and the zeros at their end are not part of the name', () => {
    const text = Buffer.from('x', 'utf16le');
    expect(filePath(concatBytes(node(4, 1, text), node(2, 4, text), END))).toBeUndefined();
    expect(filePath(concatBytes(node(4, 1, text), file('y\0\0'), file('a\0b'), END))).toBe('ya\0b');
    expect(filePath(new Uint8Array())).toBeUndefined();
  });

  test.each([
    ['as it is', load(END), 'accepted'],
    ['with zeros after it', concatBytes(load(END), new Uint8Array(9)), 'accepted'],
    ['with anything else after it', concatBytes(load(END), Buffer.of(1)), 'trailing-bytes'],
    ['with a path beyond it', load(END, 5), 'truncated'],
    ['with a path of 2^64−1 bytes', concatBytes(new Uint8Array(24), HUGE), 'truncated'],
    ['cut', load(END).subarray(0, 20), 'truncated'],
  ])('an event %s', (_what, bytes, code) => {
    expect(formatCode(() => parseImageLoad(bytes))).toBe(code);
  });

  test.each([
    ['a node shorter than its header', fromHex('04040300'), 'size-out-of-range'],
    ['a node of size 0, which would never end', fromHex('04040000'), 'size-out-of-range'],
    ['a node beyond the path', fromHex('0404ff00'), 'truncated'],
  ])('%s is malformed', (_what, path, code) => {
    expect(formatCode(() => filePath(path))).toBe(code);
    expect(claimedImagePath(load(path))).toBeUndefined();
  });
});

describe('parseGptEvent', () => {
  const entry = (name: string) =>
    concatBytes(EFI.x509, EFI.owner, new Uint8Array(24), Buffer.from(name.padEnd(36, '\0'), 'utf16le'));
  const header = (entrySize = 128) =>
    concatBytes(
      utf8('EFI PART'),
      new Uint8Array(48),
      EFI.global,
      new Uint8Array(12),
      littleEndian(entrySize, 4),
      new Uint8Array(4),
    );
  const good = concatBytes(header(), littleEndian(2, 8), entry('root'), entry(''));

  const ofPartitions = (count: number): Uint8Array =>
    concatBytes(header(), littleEndian(count, 8), new Uint8Array(128 * count));

  test('a partition’s name ends at its first NUL, whatever follows', () => {
    const named = concatBytes(header(), littleEndian(1, 8), entry('root\0rest\n\0more'));
    expect(parseGptEvent(named).partitions.map(({ name }) => name)).toEqual(['root']);
  });

  test('reads disk and partitions', () => {
    expect(parseGptEvent(good)).toEqual({
      guid: '8be4df61-93ca-11d2-aa0d-00e098032b8c',
      partitions: ['root', ''].map((name) => ({ type: guidText(EFI.x509), guid: guidText(EFI.owner), name })),
    });
  });

  test.each([
    ['as it is', good, 'accepted'],
    ['of no partitions', concatBytes(header(), new Uint8Array(8)), 'accepted'],
    ['of another kind', concatBytes(utf8('EFI part'), good.subarray(8)), 'bad-value'],
    ['with entries of another size', concatBytes(header(256), new Uint8Array(8)), 'size-out-of-range'],
    ['of 2^64−1 partitions', concatBytes(header(), HUGE), 'count-out-of-range'],
    ['of 1,024 partitions', ofPartitions(1_024), 'accepted'],
    ['of 1,025 partitions', ofPartitions(1_025), 'count-out-of-range'],
    ['cut', good.subarray(0, -1), 'truncated'],
    ['longer', concatBytes(good, Buffer.of(0)), 'trailing-bytes'],
  ])('a table %s', (_what, bytes, code) => {
    expect(formatCode(() => parseGptEvent(bytes))).toBe(code);
  });
});

describe('parseTaggedEvent', () => {
  test.each([
    ['as it is', '0100000002000000abcd', 'accepted'],
    ['cut', '0100000002000000ab', 'truncated'],
    ['longer', '0100000002000000abcdef', 'trailing-bytes'],
    ['of 2^32−1 bytes', '01000000ffffffffab', 'truncated'],
  ])('an event %s', (_what, hex, code) => {
    expect(formatCode(() => parseTaggedEvent(fromHex(hex)))).toBe(code);
  });

  test('has an identifier and data', () => {
    expect(parseTaggedEvent(fromHex('ed223b8f02000000abcd'))).toEqual({ id: 0x8f3b22ed, data: fromHex('abcd') });
  });
});
