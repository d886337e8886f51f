import { readdirSync } from 'node:fs';

import { expect, test } from 'vitest';

import { type Certificate, parseCertificate } from '#pki/x509/certificate.ts';
import { type ChainVerdict, verifyChain } from '#pki/x509/chain.ts';
import { type ChainPolicy, FOREIGN_CHAIN } from '#pki/x509/chain-policy.ts';
import { ANY_PURPOSE } from '#pki/x509/purpose.ts';

import { describeSuite, pemBlock, readSuite, suitePath } from './suite.ts';

const SUITE = 'boringssl-pki/path_builder_unittest';

function load(name: string): Certificate {
  const bytes = readSuite(SUITE, `${name}.pem`);
  const isPem = bytes.includes('-----BEGIN');
  return parseCertificate(isPem ? pemBlock(bytes.toString('latin1'), 'CERTIFICATE') : bytes);
}

/** Some keys of the suite have 1,024 bits. */
const POLICY: ChainPolicy = {
  ...FOREIGN_CHAIN,
  signatures: {
    ...FOREIGN_CHAIN.signatures,
    keys: { ...FOREIGN_CHAIN.signatures.keys, rsaBits: { min: 1024, max: 4096, multipleOf: 1 } },
  },
};

interface Search {
  readonly folder?: string;
  readonly leaf: string;
  readonly intermediates: readonly string[];
  readonly anchors: readonly string[];
  readonly now: string;
}

function search({ folder, leaf, intermediates, anchors, now }: Search): ChainVerdict {
  const inFolder = (name: string): Certificate => load(folder === undefined ? name : `${folder}/${name}`);
  return verifyChain({
    leaf: inFolder(leaf),
    intermediates: intermediates.map(inFolder),
    anchors: anchors.map(inFolder),
    now: new Date(now),
    purpose: ANY_PURPOSE,
    policy: POLICY,
  });
}

/** The first attribute of each subject on the path. */
const subjects = (verdict: ChainVerdict): readonly string[] =>
  verdict.ok
    ? verdict.path.map(({ subject }) => Buffer.from(subject.rdns.at(-1)?.[0]?.value ?? []).toString('utf8'))
    : verdict.denials.map(({ code }) => code);

const MULTI_ROOT = ['B-by-C', 'B-by-F', 'C-by-D', 'C-by-E', 'F-by-E'].map((name) => `multi-root-${name}`);
const inMesh = (anchors: readonly string[], intermediates: readonly string[] = MULTI_ROOT): ChainVerdict =>
  search({ leaf: 'multi-root-A-by-B', intermediates, anchors, now: '2017-03-01T00:00:00Z' });

describeSuite(SUITE, () => {
  test('a path is found to whichever root of a mesh is trusted', () => {
    expect(subjects(inMesh(['multi-root-D-by-D']))).toEqual([
      '127.0.0.1',
      'B CA - Multi-root',
      'C CA - Multi-root',
      'D Root CA - Multi-root',
    ]);
    expect(subjects(inMesh(['multi-root-E-by-E'])).at(-1)).toBe('E Root CA - Multi-root');
    expect(inMesh(['multi-root-F-by-E']).ok).toBe(true);
    expect(inMesh(['multi-root-C-by-D']).ok).toBe(true);
  });

  test('no path is found when no root of the mesh is trusted, or the way there is missing', () => {
    expect(subjects(inMesh([]))).toEqual(['issuer-unknown']);
    const withoutC = MULTI_ROOT.filter((name) => !name.includes('-C-by-'));
    expect(inMesh(['multi-root-D-by-D'], withoutC).ok).toBe(false);
  });

  test.each([
    ['no_ski', true],
    ['matching_ski', true],
    // These have another key, so that only the signature can tell.
    ['different_ski', false],
  ])('of three intermediates of one name, those with %s lead to the root: %s', (kind, isFound) => {
    const folder = 'key_id_prioritization';
    const intermediates = ['a', 'b', 'c'].map((which) => `int_${kind}_${which}`);
    const verdict = search({ folder, leaf: 'target', intermediates, anchors: ['root'], now: '2017-03-01T00:00:00Z' });
    expect(verdict.ok).toBe(isFound);
  });

  test('an intermediate with the identifier that the leaf names is tried before one without and one with another', () => {
    const verdict = search({
      folder: 'key_id_prioritization',
      leaf: 'target',
      intermediates: ['int_different_ski_a', 'int_no_ski_a', 'int_matching_ski_a'],
      anchors: ['root'],
      now: '2017-03-01T00:00:00Z',
    });
    expect(verdict.ok && verdict.path[1]?.der).toEqual(load('key_id_prioritization/int_matching_ski_a').der);
  });

  test('an expired intermediate gives way to a valid one of the same name and key', () => {
    const folder = 'validity_date_prioritization';
    const at = (now: string): ChainVerdict =>
      search({ folder, leaf: 'target', intermediates: ['int_ac', 'int_bd'], anchors: ['root'], now });
    expect(at('2017-03-01T00:00:00Z').ok).toBe(true);
    expect(at('2018-01-01T18:00:00Z').ok).toBe(true);
    expect(at('2018-01-03T00:00:00Z').ok).toBe(false);
  });

  test('a trusted root is preferred to its cross-certificate', () => {
    const folder = 'self_issued_prioritization';
    const verdict = search({
      folder,
      leaf: 'target',
      intermediates: ['root1_cross'],
      anchors: ['root1', 'root2'],
      now: '2017-03-01T00:00:00Z',
    });
    expect(subjects(verdict)).toEqual(['Target', 'Root1']);
  });

  test('a precertificate is refused for its critical poison', () => {
    const verdict = search({
      folder: 'precertificate',
      leaf: 'precertificate',
      intermediates: [],
      anchors: ['root'],
      now: '2023-10-01T00:00:00Z',
    });
    expect(verdict).toMatchObject({
      ok: false,
      denials: [{ code: 'critical-extension-unknown', depth: 0, extension: '1.3.6.1.4.1.11129.2.4.3' }],
    });
  });

  test.each(readdirSync(suitePath(SUITE, 'mtc_plants04')).filter((name) => /^mtc-.*pem$/.test(name)))(
    'a Merkle tree certificate carries no signature known here: %s is refused under its CA',
    (file) => {
      const verdict = search({
        folder: 'mtc_plants04',
        leaf: file.replace('.pem', ''),
        intermediates: [],
        anchors: ['mtc-ica'],
        now: '2026-08-01T00:00:00Z',
      });
      expect(verdict.ok).toBe(false);
    },
  );
});
