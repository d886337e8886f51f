import { describe, expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import type { Certificate } from '#pki/x509/certificate.ts';
import { type ChainVerdict } from '#pki/x509/chain.ts';
import { FOREIGN_CHAIN, STRICT_CHAIN } from '#pki/x509/chain-policy.ts';
import { sequence, tagged } from '#pki/x509/der-writer.ts';
import { dnsName, extension, subjectAltName } from '#pki/x509/extension-writer.ts';
import { EXTENSION } from '#pki/x509/oids.ts';

import { type Identity, intermediate, leaf, NOT_BEFORE, type Otherwise, root, spkiOf } from './lab.ts';

import { ISSUER, LEAF, plus, ROOT, rsaKey, told, verify, withIssuer, without } from './chain-lab.ts';

describe('name constraints', () => {
  const names = (...hosts: readonly string[]): Bytes => subjectAltName(false, ...hosts.map(dnsName));
  const permit = (host: string): Bytes =>
    extension(EXTENSION.nameConstraints, true, sequence(tagged(0, sequence(dnsName(host)))));

  function under(constrained: Otherwise, below: Otherwise): ChainVerdict {
    const issuer = intermediate(ROOT, 'Intermediate', constrained);
    return verify({ leaf: leaf(issuer, 'Leaf', below), intermediates: [issuer.certificate] });
  }

  test.each([
    ['a.example.com', 'accepted'],
    ['example.com', 'accepted'],
    ['a.example.org', 'name-not-permitted 0'],
  ])('on an intermediate bind the leaf: %s', (host, expected) => {
    expect(told(under({ extensions: plus(permit('example.com')) }, { extensions: plus(names(host)) }))).toBe(expected);
  });

  test('on the root bind intermediate and leaf together with those of the intermediate', () => {
    const anchor = root('Root', { extensions: plus(permit('com')) });
    const issuer = intermediate(anchor, 'Intermediate', { extensions: plus(permit('example.com')) });
    const at = (host: string): ChainVerdict =>
      verify({
        leaf: leaf(issuer, 'Leaf', { extensions: plus(names(host)) }),
        intermediates: [issuer.certificate],
        anchors: [anchor.certificate],
      });
    expect([told(at('a.example.com')), told(at('other.com'))]).toEqual(['accepted', 'name-not-permitted 0']);
  });

  test('with too many names to compare are refused, not skipped', () => {
    const many = Array.from({ length: 300 }, (_, i) => `h${i}.example`);
    const constraints = extension(
      EXTENSION.nameConstraints,
      true,
      sequence(tagged(1, ...many.map((host) => sequence(dnsName(host))))),
    );
    const others = many.map((host) => `x${host}`);
    expect(told(under({ extensions: plus(constraints) }, { extensions: plus(names(...others)) }))).toBe(
      'name-constraints-too-many 0',
    );
  });
});

describe('work is bounded', () => {
  const many = (count: number, make: (i: number) => Certificate): readonly Certificate[] =>
    Array.from({ length: count }, (_, i) => make(i));

  test('a chain longer than the policy allows is refused', () => {
    let issuer: Identity = ROOT;
    const chain: Certificate[] = [];
    for (let i = 0; i < STRICT_CHAIN.maxIntermediates + 1; i += 1) {
      issuer = intermediate(issuer, `Level ${i}`);
      chain.push(issuer.certificate);
    }
    expect(told(verify({ leaf: leaf(issuer), intermediates: chain }))).toMatch(/^path-too-long/);
    const policy = { ...STRICT_CHAIN, maxIntermediates: STRICT_CHAIN.maxIntermediates + 1 };
    expect(told(verify({ leaf: leaf(issuer), intermediates: chain, policy }))).toBe('accepted');
  });

  test('a hundred intermediates of one name and many keys cost no more signature checks than the limit', () => {
    const impostors = many(
      100,
      (i) =>
        intermediate(ROOT, 'Intermediate', {
          spki: spkiOf(root(`Impostor ${i}`).key),
          extensions: without('authorityKeyIdentifier'),
        }).certificate,
    );
    const verdict = verify({ intermediates: impostors, policy: FOREIGN_CHAIN });
    expect(verdict.ok).toBe(false);
    expect(verdict.signatureChecks).toBe(FOREIGN_CHAIN.maxSignatureChecks);
    expect(verdict.ok ? [] : verdict.denials.map(({ code }) => code)).toContain('too-much-work');
  });

  test('a hundred intermediates of one name and key, issued by one another, are gone through once', () => {
    const looping = many(100, (i) => intermediate(ISSUER, 'Intermediate', { serial: Buffer.of(1, i) }).certificate);
    const verdict = verify({ intermediates: looping });
    expect(verdict).toMatchObject({ ok: false, denials: [{ code: 'issuer-unknown' }], signatureChecks: 1 });
  });

  test.each([
    ['one key', (i: number) => intermediate(ISSUER, 'Intermediate', { serial: Buffer.of(1, i >> 8, i & 0xff) })],
    ['many keys', (i: number) => intermediate(ROOT, 'Intermediate', { spki: spkiOf(root(`Impostor ${i}`).key) })],
  ])('more than a thousand candidates of one name and %s are refused without a signature check', (_, make) => {
    const verdict = verify({ intermediates: many(1_001, (i) => make(i).certificate) });
    expect(verdict.ok ? [] : verdict.denials.map(({ code }) => code)).toContain('too-much-work');
    expect(verdict.signatureChecks).toBe(0);
  });

  test('complete paths are validated up to a limit', () => {
    const expired = many(40, (i) => root('Root', { notAfter: NOT_BEFORE, serial: Buffer.of(1, i) }).certificate);
    expect(told(verify({ anchors: [...expired.slice(0, 20), ROOT.certificate] }))).toBe('accepted');
    const verdict = verify({ anchors: [...expired, ROOT.certificate] });
    expect(verdict.ok ? [] : verdict.denials.map(({ code }) => code)).toEqual(['expired', 'too-much-work']);
  });

  test('a mesh of authorities that certify one another ends without an anchor', () => {
    const identities = Array.from({ length: 12 }, (_, i) => root(`Mesh ${i}`));
    const mesh = identities.flatMap((_subject, i) =>
      identities.filter((_, j) => j !== i).map((issuer) => intermediate(issuer, `Mesh ${i}`).certificate),
    );
    const verdict = verify({
      leaf: leaf(identities[0] ?? ROOT),
      intermediates: mesh,
      policy: { ...STRICT_CHAIN, maxIntermediates: 12 },
    });
    expect(verdict.ok).toBe(false);
    expect(verdict.signatureChecks).toBeLessThanOrEqual(STRICT_CHAIN.maxSignatureChecks);
  });

  test('an expired intermediate costs no signature check', () => {
    const verdict = verify(withIssuer({ notAfter: NOT_BEFORE }));
    expect(verdict).toMatchObject({ ok: false, denials: [{ code: 'expired', depth: 1 }], signatureChecks: 0 });
  });

  test('huge keys are refused before they are used', () => {
    const huge = intermediate(ROOT, 'Intermediate', { spki: rsaKey(2048) });
    const verdict = verify({ leaf: LEAF, intermediates: [huge.certificate] });
    expect(told(verdict)).toBe('key-algorithm-mismatch 0');
  });
});
