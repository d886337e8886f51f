import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { concatBytes, fromHex, toHex, utf8 } from '#core/bytes.ts';
import { digest } from '#core/digest.ts';
import { formatCode } from '#test/lab/format-code.ts';
import { type BuiltImaRecord, digestField, imaLog, imaNg, nameField, templateData } from '#test/lab/ima-log-builder.ts';
import { sharedVector, vectorBytes } from '#test/lab/vectors.ts';
import { MAX_IMA_LOG_SIZE, parseImaLog } from '#tpm2/ima-log.ts';

const FILE = digest('sha256', utf8('contents'));
const NG = imaNg('/bin/sh', FILE);
const parseOne = (record: BuiltImaRecord) => parseImaLog(imaLog([record]));
/** Fields with their bytes as hex, so that a Buffer and a Uint8Array compare equal. */
function hexed(fields: object | undefined): object {
  const entries = Object.entries(fields ?? {}).map(([name, value]) => [
    name,
    value instanceof Uint8Array ? toHex(value) : typeof value === 'object' ? hexed(value) : value,
  ]);
  return Object.fromEntries(entries);
}

const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('latin1');

describe('parseImaLog on real lists', () => {
  test('reads every template of a list', () => {
    const records = parseImaLog(vectorBytes('generated-ima/ok.bin'));
    expect(
      records.map(({ templateName, fields, isViolation }) => [templateName, text(fields.name), isViolation]),
    ).toEqual([
      ['ima-ng', 'boot_aggregate', false],
      ['ima-ng', '/usr/lib/systemd/systemd', false],
      ['ima-sig', '/usr/bin/kubelet', false],
      ['ima-sig', '/usr/bin/containerd', false],
      ['ima-ng', '/var/log/journal/x', true],
      ['ima-buf', '.ima', false],
      ['ima-ngv2', '/usr/bin/runc', false],
      ['ima-ng', '/opt/my_tool', false],
    ]);
    expect(records.map(({ fields: { signature } }) => signature?.byteLength)).toEqual([
      undefined,
      undefined,
      17,
      ...Array(5).fill(undefined),
    ]);
    expect(text(records[5]?.fields.buffer)).toBe('keydata');
  });

  test('says of the ASCII form what the kernel says', () => {
    const records = parseImaLog(vectorBytes('generated-ima/ok.bin'));
    const ascii = text(vectorBytes('generated-ima/ok.ascii')).trimEnd().split('\n');
    const rendered = records.map(({ unverifiedTemplateHash, templateName, fields: { digest: file, name } }) => {
      const prefix = templateName === 'ima-ngv2' ? `${file?.kind}:` : '';
      const words = ['10', toHex(unverifiedTemplateHash), templateName];
      return [...words, `${prefix}${file?.algorithm}:${toHex(file?.digest ?? new Uint8Array())}`, text(name)].join(' ');
    });
    expect(ascii.map((line) => line.split(' ').slice(0, 5).join(' '))).toEqual(rendered);
  });

  test.each([
    ['ok.bin', 'accepted'],
    ['tampered-entry.bin', 'accepted'],
    ['extra-tail-entry.bin', 'accepted'],
    ['truncated-tail.bin', 'truncated'],
    ['huge-name-len.bin', 'size-out-of-range'],
  ])('reads or refuses %s', (file, code) => {
    expect(formatCode(() => parseImaLog(vectorBytes(`generated-ima/${file}`)))).toBe(code);
  });

  test('reads custom templates, refuses the legacy one, and finds each template hash', () => {
    const whole = vectorBytes('ibmtss/imatest.log');
    expect(formatCode(() => parseImaLog(whole))).toBe('unknown-selector');
    // The legacy record is a head of 31 bytes, a digest, and a name with its length.
    const legacy = Buffer.from(whole).indexOf('\u0003\0\0\0ima') - 24;
    const records = parseImaLog(concatBytes(whole.subarray(0, legacy), whole.subarray(legacy + 31 + 20 + 4 + 14)));
    expect(records).toHaveLength(16);
    for (const { unverifiedTemplateHash, templateData: data } of records) {
      expect(toHex(digest('sha1', data))).toBe(toHex(unverifiedTemplateHash));
    }
    expect(records.map(({ templateName }) => templateName)).toEqual([
      'd-ng|sig',
      'n-ng|d-ng',
      'n-ng|sig|d-ng',
      'n-ng|sig',
      'n',
      'sig',
      'ima-ng',
      'ima-sig',
      'ima-modsig',
      'ima-sig',
      'ima-sig',
      'ima-sigv2',
      'ima-buf',
      'evm-sig',
      'ima-ngv2',
      'ima-modsig',
    ]);
    const modsig = records[15]?.fields;
    expect([modsig?.modsigDigest?.algorithm, modsig?.modsig?.byteLength]).toEqual(['sha256', 397]);
    const evm = records[13]?.fields;
    expect([text(evm?.xattrNames), toHex(evm?.uid ?? FILE), toHex(evm?.mode ?? FILE)]).toEqual([
      'security.selinux|security.ima\0',
      '00000000',
      'a481',
    ]);
    expect(evm?.evmSignature?.[0]).toBe(5);
  });

  const long = sharedVector('keylime__rust-keylime/ima/ascii_runtime_measurements.txt');
  test.skipIf(long === undefined)('finds the template hashes of a long ASCII list', () => {
    const lines = readFileSync(long ?? '', 'latin1')
      .trimEnd()
      .split('\n');
    for (const line of lines) {
      const [, hash = '', , file = '', ...path] = line.split(' ');
      const [algorithm = '', value = ''] = file.split(':');
      const data = templateData([digestField(algorithm, fromHex(value)), Buffer.from(`${path.join(' ')}\0`, 'latin1')]);
      expect(toHex(digest('sha1', data))).toBe(hash);
    }
    expect(lines.length).toBeGreaterThan(800);
  });
});

describe('parseImaLog', () => {
  const sha1 = digest('sha1', utf8('x'));
  test.each([
    [
      'ima-ng',
      [digestField('sha1', sha1), nameField('f')],
      { digest: { kind: 'ima', algorithm: 'sha1', digest: sha1 } },
    ],
    ['ima-sig', [digestField('sha256', FILE), nameField('f'), fromHex('03')], { signature: fromHex('03') }],
    [
      'ima-ngv2',
      [digestField('verity:sha256', FILE), nameField('f')],
      { digest: { kind: 'verity', algorithm: 'sha256', digest: FILE } },
    ],
    ['ima-sigv2', [digestField('ima:sha256', FILE), nameField('f'), fromHex('06')], { signature: fromHex('06') }],
    ['ima-buf', [digestField('sha256', FILE), nameField('f'), utf8('quiet')], { buffer: utf8('quiet') }],
    [
      'ima-modsig',
      [digestField('sha256', FILE), nameField('f'), utf8(''), digestField('sha512', new Uint8Array(64)), utf8('sig')],
      { modsigDigest: { kind: 'ima', algorithm: 'sha512', digest: new Uint8Array(64) }, modsig: utf8('sig') },
    ],
    ['d|n', [sha1, nameField('f')], { digest: { kind: 'ima', algorithm: 'sha1', digest: sha1 } }],
    ['n-ng|buf', [nameField('f'), utf8('')], { buffer: utf8('') }],
  ] as const)('reads the fields of %s', (template, fields, expected) => {
    const [record] = parseOne({ template, fields });
    expect(hexed(record?.fields)).toMatchObject(hexed(expected));
    expect(text(record?.fields.name)).toBe('f');
  });

  test('takes a record for a violation only if its template hash is all zeros', () => {
    const hashes = [new Uint8Array(20), new Uint8Array(20).fill(1, 19), new Uint8Array(20).fill(1, 0, 1)];
    const records = parseImaLog(imaLog(hashes.map((templateHash) => ({ ...NG, templateHash }))));
    expect(records.map(({ isViolation }) => isViolation)).toEqual([true, false, false]);
  });

  test('takes an absent signature for none', () => {
    const [sig] = parseOne({ template: 'ima-sig', fields: [digestField('sha256', FILE), nameField('f'), utf8('')] });
    expect(Object.keys(sig?.fields ?? {})).toEqual(['digest', 'name']);
    const modsig = [digestField('sha256', FILE), nameField('f'), utf8(''), utf8(''), utf8('')];
    expect(Object.keys(parseOne({ template: 'ima-modsig', fields: modsig })[0]?.fields ?? {})).toEqual([
      'digest',
      'name',
    ]);
  });

  const withDigest = (field: Uint8Array) => ({ template: 'ima-ng', fields: [field, nameField('f')] });
  const withDigest2 = (field: Uint8Array) => ({ template: 'ima-ngv2', fields: [field, nameField('f')] });
  const withName = (field: Uint8Array) => ({ template: 'ima-ng', fields: [digestField('sha256', FILE), field] });
  const violation = { templateHash: new Uint8Array(20) };
  test.each<[string, BuiltImaRecord, string]>([
    ['a record as it is', NG, 'accepted'],
    ['another PCR', { ...NG, pcr: 11 }, 'bad-value'],
    ['the legacy template', { template: 'ima', fields: NG.fields }, 'unknown-selector'],
    ['a template nobody knows', { template: 'ima-xx', fields: NG.fields }, 'unknown-selector'],
    ['a template without a name', { template: '', fields: NG.fields }, 'unknown-selector'],
    ['a template that is an object’s property', { template: 'constructor', fields: NG.fields }, 'unknown-selector'],
    ['a custom template', { template: 'd-ng|n-ng', fields: NG.fields }, 'accepted'],
    ['a field twice', { template: 'n-ng|n-ng', fields: [nameField('f'), nameField('f')] }, 'unknown-selector'],
    ['two names', { template: 'n|n-ng', fields: [nameField('f'), nameField('f')] }, 'bad-value'],
    ['two digests', { template: 'd|d-ng', fields: [sha1, digestField('sha1', sha1)] }, 'bad-value'],
    ['an empty field in the format', { template: 'd-ng|', fields: NG.fields }, 'unknown-selector'],
    ['a name of 128 bytes for the template', { template: 'd'.repeat(128), fields: NG.fields }, 'unknown-selector'],
    ['a name of 129 bytes for the template', { template: 'd'.repeat(129), fields: NG.fields }, 'size-out-of-range'],
    ['a field too few', { template: 'ima-sig', fields: NG.fields }, 'truncated'],
    ['a field too many', { template: 'ima-ng', fields: [...NG.fields, utf8('')] }, 'trailing-bytes'],
    ['a digest without its prefix', withDigest(FILE), 'bad-value'],
    ['a digest without a colon', withDigest(concatBytes(utf8('sha256\0'), FILE)), 'bad-value'],
    ['a digest without an algorithm', withDigest(concatBytes(utf8(':\0'), FILE)), 'unknown-selector'],
    ['an empty digest field', withDigest(utf8('')), 'bad-value'],
    ['a prefix that does not end', withDigest(utf8(`${'a'.repeat(40)}:\0`)), 'bad-value'],
    ['an algorithm nobody knows', withDigest(digestField('sha257', FILE)), 'unknown-selector'],
    ['a digest of another size', withDigest(digestField('sha256', sha1)), 'size-out-of-range'],
    ['zeros for a digest', withDigest(digestField('sha256', new Uint8Array(32))), 'accepted'],
    ['SM3', withDigest(digestField('sm3', FILE)), 'accepted'],
    ['version 2 in a field of version 1', withDigest(digestField('ima:sha256', FILE)), 'bad-value'],
    ['version 1 in a field of version 2', withDigest2(digestField('sha256', FILE)), 'bad-value'],
    ['version 2', withDigest2(digestField('ima:sha256', FILE)), 'accepted'],
    ['another kind in version 2', withDigest2(digestField('abc:sha256', FILE)), 'unknown-selector'],
    ['a third part in version 2', withDigest2(digestField('ima:ima:sha256', FILE)), 'unknown-selector'],
    ['a bare digest of another size', { template: 'd|n', fields: [FILE, nameField('f')] }, 'size-out-of-range'],
    ['a name without NUL', withName(utf8('f')), 'bad-value'],
    ['a name with two NULs', withName(utf8('f\0g\0')), 'bad-value'],
    ['no name', withName(utf8('')), 'size-out-of-range'],
    ['an empty name', withName(utf8('\0')), 'accepted'],
    ['the longest path', withName(nameField('p'.repeat(4096))), 'accepted'],
    ['a longer path', withName(nameField('p'.repeat(4097))), 'size-out-of-range'],
    ['a line break in a path', withName(nameField('a\n10 0000')), 'accepted'],
    ['a violation', { ...withDigest(digestField('sha256', new Uint8Array(20))), ...violation }, 'accepted'],
    [
      'a newer kernel’s violation',
      { ...withDigest(digestField('sha256', new Uint8Array(32))), ...violation },
      'accepted',
    ],
    [
      'a violation with 21 bytes',
      { ...withDigest(digestField('sha256', new Uint8Array(21))), ...violation },
      'size-out-of-range',
    ],
    ['the largest record', { template: 'buf', fields: [new Uint8Array((256 << 10) - 4)] }, 'accepted'],
    ['a larger record', { template: 'buf', fields: [new Uint8Array((256 << 10) - 3)] }, 'size-out-of-range'],
  ])('says what is wrong with %s', (_what, record, code) => {
    expect(formatCode(() => parseOne(record))).toBe(code);
  });

  test('refuses a list cut anywhere but between records', () => {
    const whole = imaLog([NG, NG]);
    for (let length = 0; length <= whole.byteLength; length++) {
      const isBetween = length % (whole.byteLength / 2) === 0;
      expect(formatCode(() => parseImaLog(whole.subarray(0, length)))).toBe(isBetween ? 'accepted' : 'truncated');
    }
  });

  test('reads the list of another bank by its hash', () => {
    const [record] = parseImaLog(imaLog([NG], 'sha256'), 'sha256');
    expect(toHex(record?.unverifiedTemplateHash ?? FILE)).toBe(toHex(digest('sha256', templateData(NG.fields))));
    expect(formatCode(() => parseImaLog(imaLog([NG], 'sha256')))).not.toBe('accepted');
  });

  test.each([
    ['100,000 records', 100_000, 'accepted'],
    ['a record more', 100_001, 'count-out-of-range'],
  ])('is bounded: %s', (_what, count, code) => {
    const record = imaLog([{ template: 'n', fields: [nameField('')] }]);
    const list = Buffer.alloc(record.byteLength * count, record);
    expect(formatCode(() => parseImaLog(list))).toBe(code);
  });

  test('is bounded: no more bytes than a list may have', () => {
    expect(formatCode(() => parseImaLog(new Uint8Array(MAX_IMA_LOG_SIZE + 1)))).toBe('size-out-of-range');
    expect(formatCode(() => parseImaLog(new Uint8Array(MAX_IMA_LOG_SIZE)))).toBe('bad-value');
  });
});
