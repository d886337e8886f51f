import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { EkCertificateFileError, readEkCertificate } from '#cli/ek-certificate-file.ts';
import { readEnrolmentFile } from '#cli/enrolment-file.ts';

const HASH = 'ab'.repeat(32);
const OTHER = 'cd'.repeat(32);
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'muster-enrol-'));
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', join(folder, 'key.pem')];
  execFileSync('openssl', ['req', '-x509', ...key, '-subj', '/CN=ek', '-out', join(folder, 'ek.pem')], {
    stdio: 'pipe',
  });
  execFileSync('openssl', ['x509', '-in', join(folder, 'ek.pem'), '-outform', 'DER', '-out', join(folder, 'ek.der')]);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const read = (name: string, text: string) => {
  const file = join(folder, name);
  writeFileSync(file, text);
  return readEnrolmentFile(file);
};

describe('a file of nodes', () => {
  test('is read from CSV, with certificates relative to the file', () => {
    const { lines, bad } = read(
      'nodes.csv',
      `name,pool,ekCertificate,ekPublicHash\nworker-1,general,ek.pem,\nworker-2,general,,${HASH}\n`,
    );
    expect(bad).toEqual([]);
    expect(lines.map(({ line, node }) => [line, node.name, node.ekPublicHash])).toEqual([
      [2, 'worker-1', undefined],
      [3, 'worker-2', HASH],
    ]);
    expect(lines[0]?.node.ekCertificate).toMatch(/^MII/);
  });

  test('is read from JSON', () => {
    const { lines, bad } = read(
      'nodes.json',
      `[\n  {"name": "worker-1", "pool": "general", "ekPublicHash": "${HASH}"},\n  {"name": "worker-2", "pool": "general", "ekPublicHash": "${OTHER}"}\n]`,
    );
    expect(bad).toEqual([]);
    expect(lines.map(({ line, node }) => [line, node.name])).toEqual([
      [2, 'worker-1'],
      [3, 'worker-2'],
    ]);
  });

  // Each row changes one thing against the line that passes.
  test.each([
    [`worker-1,general,,${HASH}`, /^$/],
    [`Worker_1,general,,${HASH}`, /^3 name: not a node name/],
    [`,general,,${HASH}`, /^3 name:/],
    [`worker-1,Gen eral,,${HASH}`, /^3 pool: not a pool name/],
    [`worker-1,general,,${HASH.toUpperCase()}`, /^3 ekPublicHash: /],
    ['worker-1,general,,', /^3 .*exactly one of ekCertificate, ekPublicHash and measurementKey/],
    [`worker-1,general,ek.der,${HASH}`, /^3 .*exactly one/],
    ['worker-1,general,missing.der,', /^3 ekCertificate: missing\.der: no such file/],
    ['worker-1,general,key.pem,', /^3 ekCertificate: key\.pem: not a certificate/],
    [`worker-1,general,,${HASH},more`, /^3 5 fields where the first line has 4/],
    [`worker-9,general,,${HASH}`, /^3 name worker-9 is on line 2 already/],
    [`worker-1,general,,${OTHER}`, /^3 this key is on line 2 already/],
  ])('names line 3 when it is %j', (line, expected) => {
    const { bad } = read('nodes.csv', `name,pool,ekCertificate,ekPublicHash\nworker-9,general,,${OTHER}\n${line}\n`);
    expect(bad.map((fault) => `${fault.line} ${fault.reason}`).join()).toMatch(expected);
  });

  test('names every bad line at once', () => {
    const { bad } = read('nodes.csv', 'name,pool,ekPublicHash\nA,b,c\nd,e,f\n');
    expect(bad.map(({ line }) => line)).toEqual([2, 3]);
  });

  test.each([
    ['nodes.csv', 'worker-1,general\n', 65],
    ['nodes.csv', 'name,name,pool\n', 65],
    ['nodes.csv', 'name,pool\n"x', 65],
    ['nodes.json', '{"name": "worker-1"}', 65],
    ['nodes.json', '[{"name": "a",}]', 65],
    ['nodes.json', '- name: a', 65],
    ['nodes.txt', 'name,pool\n', 64],
  ])('%s with %j as a whole is refused', (name, text, exitCode) => {
    expect(() => read(name, text)).toThrow(expect.objectContaining({ exitCode }));
  });

  test('names a JSON member that is not a string or not known', () => {
    const { bad } = read(
      'nodes.json',
      `[\n{"name": 1},\n"x",\n{"name": "a", "pool": "b", "ekPublicHash": "${HASH}", "rating": "x"}]`,
    );
    expect(bad.map(({ line }) => line)).toEqual([2, 3, 4]);
  });
});

describe('an EK certificate file', () => {
  const padded = (fill: number, tail: number[] = []): string => {
    const file = join(folder, `padded-${fill}-${tail.length}.der`);
    writeFileSync(
      file,
      Buffer.concat([
        Buffer.from(readEkCertificate(join(folder, 'ek.der'))),
        Buffer.alloc(50, fill),
        Buffer.from(tail),
      ]),
    );
    return file;
  };

  test('is the same from PEM, from DER, and from TPM NV memory with its fill', () => {
    const der = readEkCertificate(join(folder, 'ek.der'));
    expect(readEkCertificate(join(folder, 'ek.pem'))).toEqual(der);
    expect(readEkCertificate(padded(0xff))).toEqual(der);
    expect(readEkCertificate(padded(0x00))).toEqual(der);
  });

  test('is refused with anything else behind it', () => {
    expect(() => readEkCertificate(padded(0xff, [1]))).toThrow(EkCertificateFileError);
    const two = join(folder, 'two.pem');
    writeFileSync(two, readFileSync(join(folder, 'ek.pem'), 'utf8').repeat(2));
    expect(() => readEkCertificate(two)).toThrow(EkCertificateFileError);
  });
});
