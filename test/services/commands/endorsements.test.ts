import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { CommandFailure } from '#core/exit-code.ts';
import { addEndorsements } from '#services/commands/endorsements-add.ts';
import { checkEndorsement } from '#services/commands/endorsements-check.ts';
import { listEndorsements } from '#services/commands/endorsements.ts';
import { readPolicy } from '#services/policy-source.ts';
import { issueEkCertificate, type LabEkCa, labEkCa } from '#test/lab/tpm-certificates.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { sharedVector, vectorBytes } from '#test/lab/vectors.ts';

import { recorder } from './recorder.ts';

const NOW = new Date('2026-11-21T12:00:00Z');

/** A policy with two pools: `general` trusts the directory, `edge` one file in it. */
const policyOf = (edge: string): string => `apiVersion: muster/v1
kind: Policy
pools:
  general:
    protectionRating: default
    segments: ['10.0.0.0/8']
    tpm2: { pcrs: [0, 7], ekAnchors: [makers] }
  edge:
    protectionRating: default
    segments: ['10.2.0.0/16']
    tpm2: { pcrs: [0, 7], ekAnchors: [${edge}] }
`;

let folder: string;
let first: LabEkCa;
let second: LabEkCa;
const put = (name: string, content: string | Uint8Array) => writeFileSync(join(folder, name), content);
const makers = () => readdirSync(join(folder, 'makers')).toSorted();
const failure = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof CommandFailure ? error.message : `fault: ${String(error)}`),
  );

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'muster-endorsements-'));
  mkdirSync(join(folder, 'makers'));
  first = labEkCa({ organization: 'First Maker' });
  second = labEkCa({ organization: 'Second Maker' });
  put('makers/first.pem', first.pem);
  put('makers/second.der', second.der);
  put('makers/README', 'not a certificate');
  put('policy.yaml', policyOf('makers/first.pem'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('a directory of authorities', () => {
  test('gives a pool every certificate in it, PEM and DER, and no other file', async () => {
    const { pools, version } = await readPolicy(join(folder, 'policy.yaml'));
    expect([...pools.values()].map(({ tpm2 }) => tpm2.ekAnchors?.fingerprints.length)).toEqual([2, 1]);
    put('makers/third.crt', labEkCa().pem);
    const again = await readPolicy(join(folder, 'policy.yaml'));
    expect([...again.pools.values()].map(({ tpm2 }) => tpm2.ekAnchors?.fingerprints.length)).toEqual([3, 1]);
    expect(again.version).not.toBe(version);
  });

  test.each([
    ['bytes that are no certificate', 'bad.der', Buffer.of(0x30, 0), 'makers/bad.der'],
    ['a PEM file without one', 'bad.pem', '# none yet\n', 'makers/bad.pem'],
    ['a file that is neither', 'bad.cer', Buffer.of(0xff, 0xfe, 0x00), 'bad.cer: neither PEM nor DER'],
    ['one that is too large', 'bad.crt', Buffer.alloc(1_048_577, 0x41), 'bad.crt: over 1048576 bytes'],
  ])('is refused for %s, which is named', async (_, name, content, expected) => {
    put(`makers/${name}`, content);
    await expect(readPolicy(join(folder, 'policy.yaml'))).rejects.toThrow(expected);
  });

  test('is refused where it holds no certificate at all', async () => {
    for (const name of makers()) rmSync(join(folder, 'makers', name));
    await expect(readPolicy(join(folder, 'policy.yaml'))).rejects.toThrow('a directory without');
  });
});

describe('muster endorsements list', () => {
  test('names each authority once, with its fingerprint, its dates and the pools that trust it', async () => {
    const terminal = recorder(folder, NOW);
    expect(await listEndorsements('policy.yaml', terminal)).toBe(0);
    expect(terminal.said.out.match(/SHA-256/g)).toHaveLength(2);
    expect(terminal.said.out).toMatch(/First Maker[^]*trusted {3}by general, edge/);
    expect(terminal.said.out).toMatch(/Second Maker[^]*trusted {3}by general\n/);
    expect(terminal.said.out).not.toMatch(/FAULT|note/);
  });

  test.each([
    ['expired', '2046-01-01T00:00:00Z', 1, 'FAULT     it has expired'],
    ['about to expire', '2044-09-01T00:00:00Z', 0, 'note      it expires within 180 days'],
    ['not valid yet', '2024-01-01T00:00:00Z', 1, 'FAULT     it is not valid yet'],
  ])('says of one that is %s that it is', async (_, at, code, sentence) => {
    const terminal = recorder(folder, new Date(at));
    expect(await listEndorsements('policy.yaml', terminal)).toBe(code);
    expect(terminal.said.out).toContain(sentence);
  });
});

describe('muster endorsements add', () => {
  test('copies a bundle into the directory, a file each, and says what to compare', async () => {
    const third = labEkCa({ organization: 'Third Maker' });
    put('new.pem', `${third.pem}${labEkCa({ organization: 'Fourth Maker' }).pem}${third.pem}`);
    const terminal = recorder(folder, NOW);
    await addEndorsements('new.pem', { to: 'makers' }, terminal);
    expect(makers()).toHaveLength(5);
    expect(terminal.said.out).toContain('Third Maker');
    expect(terminal.said.out).toContain('Compare each fingerprint');
    const [written = ''] = makers().filter((name) => name.startsWith('Lab-TPM-EK-Root-CA'));
    expect(readFileSync(join(folder, 'makers', written), 'utf8')).toContain('BEGIN CERTIFICATE');
    await expect(readPolicy(join(folder, 'policy.yaml'))).resolves.toMatchObject({ version: expect.any(String) });
  });

  test('writes nothing in a dry run', async () => {
    put('new.pem', labEkCa().pem);
    await addEndorsements('new.pem', { to: 'makers', dryRun: true }, recorder(folder, NOW));
    expect(makers()).toHaveLength(3);
  });

  test.each([
    ['one that is there', () => first.pem, 'it is there already'],
    ['an EK certificate', () => issueEkCertificate(first, { spki: labTpm().ekSpki, keyType: 'ecc' }), 'not a CA'],
    ['text', () => 'no certificate', 'new.pem'],
  ])('adds none of a bundle with %s', async (_, content, expected) => {
    put('new.pem', content());
    expect(await failure(addEndorsements('new.pem', { to: 'makers' }, recorder(folder, NOW)))).toContain(expected);
    expect(makers()).toHaveLength(3);
  });

  test('adds none that has expired, nor any beside it', async () => {
    put('new.pem', `${labEkCa().pem}${labEkCa().pem}`);
    const late = recorder(folder, new Date('2046-01-01T00:00:00Z'));
    expect(await failure(addEndorsements('new.pem', { to: 'makers' }, late))).toContain('2 of 2 cannot be added');
    expect(makers()).toHaveLength(3);
  });
});

describe('muster endorsements check', () => {
  const check = async (content: Uint8Array, options: object = {}): Promise<readonly [number, string]> => {
    put('ek.der', content);
    const terminal = recorder(folder, NOW);
    const code = await checkEndorsement('ek.der', { policy: 'policy.yaml', ...options }, terminal);
    return [code, terminal.said.out];
  };

  test('names the authority that the EK certificate chains to, pool by pool', async () => {
    const [code, said] = await check(issueEkCertificate(second, { spki: labTpm().ekSpki, keyType: 'ecc' }));
    expect(code).toBe(0);
    expect(said).toMatch(/general: accepted: id:53544D20 .* certified under .*Second Maker/);
    expect(said).toMatch(/edge: refused: no path of valid certificates/);
  });

  test.each<[string, () => Uint8Array, RegExp]>([
    [
      'of another maker',
      () => issueEkCertificate(labEkCa(), { spki: labTpm().ekSpki, keyType: 'ecc' }),
      /refused: no path of valid certificates/,
    ],
    [
      'that does not say that its key only encrypts',
      () =>
        issueEkCertificate(first, {
          spki: labTpm().ekSpki,
          keyType: 'ecc',
          extensions: (good) => Object.values(good).filter((each) => each !== good.keyUsage),
        }),
      /refused: it is not what the TCG EK Credential Profile says.*keyUsage is absent/,
    ],
    [
      'of a maker that is not in the registry',
      () => issueEkCertificate(first, { spki: labTpm().ekSpki, keyType: 'ecc', manufacturer: 'id:12345678' }),
      /refused: it names a maker whom its authority does not certify: id:12345678/,
    ],
    [
      'of a TPM in software',
      () => issueEkCertificate(first, { spki: labTpm().ekSpki, keyType: 'ecc', model: 'swtpm' }),
      /refused: .* is a TPM in software/,
    ],
  ])('says of one %s which rule it fails, in a sentence', async (_, certificate, sentence) => {
    const [code, said] = await check(certificate());
    expect(code).toBe(1);
    expect(said).toMatch(sentence);
  });

  test('takes a real one as NV memory holds it, fill included', async () => {
    put('makers/st.pem', Buffer.from(vectorBytes('ek-certificates/STM_RSA_05I.pem')));
    const [code, said] = await check(vectorBytes('ek-certificates/st_sha256_with_rsa_der.der'), { pool: 'general' });
    expect(code).toBe(0);
    expect(said).toContain('general: accepted: id:53544D20 ST33HTPHAHB4');
  });

  test('reports a file that is no certificate, and a pool that there is not', async () => {
    expect(await failure(check(Buffer.from('nothing')))).toContain('ek.der: not an EK certificate');
    const real = issueEkCertificate(first, { spki: labTpm().ekSpki, keyType: 'ecc' });
    expect(await failure(check(real, { pool: 'gpu' }))).toContain('the policy has no pool gpu');
  });
});

const BUNDLE = sharedVector('loicsikidi__tpm-ca-certificates/MIRROR.tpm-ca-certificates.pem');
describe('the published bundle of makers’ roots', () => {
  test.skipIf(BUNDLE === undefined)('is added whole, a file for each, and the pool trusts them all', async () => {
    const pem = readFileSync(BUNDLE ?? '', 'utf8');
    const count = pem.split('-----BEGIN CERTIFICATE-----').length - 1;
    put('bundle.pem', pem);
    await addEndorsements('bundle.pem', { to: 'makers' }, recorder(folder, NOW));
    const { pools } = await readPolicy(join(folder, 'policy.yaml'));
    expect([...pools.values()].map(({ tpm2 }) => tpm2.ekAnchors?.fingerprints.length)).toEqual([count + 2, 1]);
    const again = addEndorsements('bundle.pem', { to: 'makers' }, recorder(folder, NOW));
    expect(await failure(again)).toContain(`${count} of ${count} cannot be added`);
  });
});
