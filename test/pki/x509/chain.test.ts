import { generateKeyPairSync, type KeyObject } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import { SIGNATURE_ALGORITHM } from '#pki/x509/algorithm-writer.ts';
import { CertificatePool } from '#pki/x509/certificate-pool.ts';
import { type ChainInput, type ChainVerdict } from '#pki/x509/chain.ts';
import { FOREIGN_CHAIN, STRICT_CHAIN } from '#pki/x509/chain-policy.ts';
import { bitString, nullValue, oid, sequence } from '#pki/x509/der-writer.ts';
import { basicConstraints, extendedKeyUsage, extension, keyUsage } from '#pki/x509/extension-writer.ts';
import { EXTENSION, KEY_ALGORITHM, KEY_PURPOSE } from '#pki/x509/oids.ts';
import { ANY_PURPOSE, EK_CERTIFICATE, EK_CERTIFICATE_UNSTATED, SERVER_AUTH } from '#pki/x509/purpose.ts';

import { intermediate, leaf, nameOf, NOT_AFTER, NOT_BEFORE, NOW, type Otherwise, root, spkiOf } from './lab.ts';
import { hex } from './outcome.ts';

import {
  instead,
  ISSUER,
  LEAF,
  plus,
  ROOT,
  rsaKey,
  told,
  verify,
  withIssuer,
  withLeaf,
  without,
  withRoot,
} from './chain-lab.ts';

describe('a path', () => {
  test('of leaf, intermediate and root is accepted, and returned', () => {
    const verdict = verify();
    expect(verdict).toMatchObject({ ok: true, policies: new Set(), signatureChecks: 2 });
    expect(verdict.ok && verdict.path).toEqual([LEAF, ISSUER.certificate, ROOT.certificate]);
  });

  test('is found in pools made beforehand', () => {
    const anchors = new CertificatePool([root('Other').certificate, ROOT.certificate]);
    expect(told(verify({ anchors, intermediates: new CertificatePool([ISSUER.certificate]) }))).toBe('accepted');
  });

  test.each<[string, Partial<ChainInput>, string]>([
    ['as it should be', {}, 'accepted'],
    ['without anchors', { anchors: [] }, 'issuer-unknown 1'],
    ['without its intermediate', { intermediates: [] }, 'issuer-unknown 0'],
    ['with the intermediate as an anchor', { anchors: [ISSUER.certificate], intermediates: [] }, 'accepted'],
    ['with the leaf itself as an anchor', { anchors: [LEAF], intermediates: [] }, 'issuer-unknown 0'],
    ['with the leaf among the intermediates', { intermediates: [LEAF, ISSUER.certificate] }, 'accepted'],
    [
      'with another root of the same name',
      { anchors: [root('Root', { spki: spkiOf(root('Other').key) }).certificate] },
      'signature-invalid 1',
    ],
    ['a second before the leaf', { now: new Date(NOT_BEFORE.getTime() - 1000) }, 'not-yet-valid 1'],
    ['at the first second', { now: NOT_BEFORE }, 'accepted'],
    ['at an invalid date', { now: new Date(Number.NaN) }, 'not-yet-valid 1'],
    ['in the last second', { now: new Date(NOT_AFTER.getTime() + 999) }, 'accepted'],
    ['a second after the last', { now: new Date(NOT_AFTER.getTime() + 1000) }, 'expired 1'],
    ['an expired leaf', withLeaf({ notAfter: new Date(NOW.getTime() - 1000) }), 'expired 0'],
    ['an expired root', withRoot({ notAfter: new Date(NOW.getTime() - 1000) }), 'expired 2'],
    ['a leaf signed by another key', withLeaf({ signWith: ROOT.key }), 'signature-invalid 0'],
    ['an intermediate signed by another key', withIssuer({ signWith: ISSUER.key }), 'signature-invalid 1'],
    ['a leaf that names another issuer', withLeaf({ issuer: nameOf('Root') }), 'signature-invalid 0'],
    ['a leaf that writes its issuer in another case', withLeaf({ issuer: nameOf('INTERMEDIATE') }), 'accepted'],
    [
      'a leaf whose algorithm is of another kind',
      withLeaf({ signatureAlgorithm: SIGNATURE_ALGORITHM.rsaSha256 }),
      'key-algorithm-mismatch 0',
    ],
    ['a leaf with an RSA key of 16,384 bits', withLeaf({ spki: rsaKey(2048) }), 'key-size-refused 0'],
    [
      'a leaf with a key of no known kind',
      withLeaf({ spki: sequence(sequence(oid('1.2.3')), bitString(hex('00'))) }),
      'key-type-refused 0',
    ],
    [
      'a leaf with a malformed key',
      withLeaf({ spki: sequence(sequence(oid(KEY_ALGORITHM.ecPublicKey), nullValue()), bitString(hex('04'))) }),
      'key-malformed 0',
    ],
  ])('%s', (_, change, expected) => {
    expect(told(verify(change))).toBe(expected);
  });
});

describe('an issuer (RFC 5280 §6.1.4)', () => {
  test.each<[string, Partial<ChainInput>, string]>([
    ['without basic constraints', withIssuer({ extensions: without('basicConstraints') }), 'not-a-ca 1'],
    ['that says it is none', withIssuer({ extensions: instead('basicConstraints', basicConstraints()) }), 'not-a-ca 1'],
    [
      'that may not sign certificates',
      withIssuer({ extensions: instead('keyUsage', keyUsage('cRLSign')) }),
      'key-usage-refused 1',
    ],
    [
      'with room for no CA below it',
      withIssuer({ extensions: instead('basicConstraints', basicConstraints(0)) }),
      'accepted',
    ],
    [
      'under a root with room for no CA',
      withRoot({ extensions: instead('basicConstraints', basicConstraints(0)) }),
      'path-length-exceeded 1',
    ],
    [
      'under a root with room for one',
      withRoot({ extensions: instead('basicConstraints', basicConstraints(1)) }),
      'accepted',
    ],
    [
      'under a root that is no CA',
      withRoot({ extensions: instead('basicConstraints', basicConstraints()) }),
      'profile-violated 2 basic-constraints',
    ],
    [
      'for other purposes',
      withIssuer({ extensions: plus(extendedKeyUsage(KEY_PURPOSE.serverAuth)) }),
      'extended-key-usage-refused 1',
    ],
    ['for any purpose', withIssuer({ extensions: plus(extendedKeyUsage(KEY_PURPOSE.any)) }), 'accepted'],
    ['for the purpose', withIssuer({ extensions: plus(extendedKeyUsage(KEY_PURPOSE.clientAuth)) }), 'accepted'],
    [
      'with an unknown critical extension',
      withIssuer({ extensions: plus(extension('1.2.3.4', true, nullValue())) }),
      'critical-extension-unknown 1 1.2.3.4',
    ],
  ])('%s', (_, change, expected) => {
    expect(told(verify(change))).toBe(expected);
  });
});

describe('a leaf', () => {
  const handled = { ...STRICT_CHAIN, handledExtensions: new Set(['1.2.3.4']) };
  const anyPolicy = (critical: boolean, qualifier: string): Bytes =>
    extension(
      EXTENSION.certificatePolicies,
      critical,
      sequence(sequence(oid('1.2.3'), sequence(sequence(oid(qualifier), nullValue())))),
    );

  test.each<[string, Partial<ChainInput>, string]>([
    ['for the purpose', {}, 'accepted'],
    [
      'for another purpose',
      withLeaf({ extensions: instead('extendedKeyUsage', extendedKeyUsage(KEY_PURPOSE.serverAuth)) }),
      'extended-key-usage-refused 0',
    ],
    ['that states no purpose', withLeaf({ extensions: without('extendedKeyUsage') }), 'extended-key-usage-refused 0'],
    [
      'for any purpose',
      withLeaf({ extensions: instead('extendedKeyUsage', extendedKeyUsage(KEY_PURPOSE.any)) }),
      'extended-key-usage-refused 0',
    ],
    [
      'for the purpose and OCSP signing',
      withLeaf({
        extensions: instead('extendedKeyUsage', extendedKeyUsage(KEY_PURPOSE.clientAuth, KEY_PURPOSE.ocspSigning)),
      }),
      'extended-key-usage-refused 0',
    ],
    [
      'that may not make digital signatures',
      withLeaf({ extensions: instead('keyUsage', keyUsage('keyEncipherment')) }),
      'key-usage-refused 0',
    ],
    ['that states no key usage', withLeaf({ extensions: without('keyUsage') }), 'accepted'],
    ['that is a CA', withLeaf({ extensions: instead('basicConstraints', basicConstraints(0)) }), 'leaf-is-a-ca 0'],
    [
      'that is a CA, where only §6 counts',
      { ...withLeaf({ extensions: instead('basicConstraints', basicConstraints(0)) }), policy: FOREIGN_CHAIN },
      'leaf-is-a-ca 0',
    ],
    [
      'for a server, asked for a server',
      {
        ...withLeaf({ extensions: instead('extendedKeyUsage', extendedKeyUsage(KEY_PURPOSE.serverAuth)) }),
        purpose: SERVER_AUTH,
      },
      'accepted',
    ],
    ['for a client, asked for a server', { purpose: SERVER_AUTH }, 'extended-key-usage-refused 0'],
    ['for a client, asked for nothing', { purpose: ANY_PURPOSE }, 'accepted'],
    ['for a client, asked for an endorsement key', { purpose: EK_CERTIFICATE }, 'extended-key-usage-refused 0'],
    [
      'for nothing stated, asked for an endorsement key that may leave it out',
      {
        ...withLeaf({
          extensions: (good) => ({ ...without('extendedKeyUsage')(good), keyUsage: keyUsage('keyAgreement') }),
        }),
        purpose: EK_CERTIFICATE_UNSTATED,
      },
      'accepted',
    ],
    ['with an unknown extension', withLeaf({ extensions: plus(extension('1.2.3.4', false, nullValue())) }), 'accepted'],
    [
      'with an unknown critical extension',
      withLeaf({ extensions: plus(extension('1.2.3.4', true, nullValue())) }),
      'critical-extension-unknown 0 1.2.3.4',
    ],
    [
      'with a critical extension that the caller handles',
      { ...withLeaf({ extensions: plus(extension('1.2.3.4', true, nullValue())) }), policy: handled },
      'accepted',
    ],
    [
      'with a critical policy qualifier that is known',
      withLeaf({ extensions: plus(anyPolicy(true, '1.3.6.1.5.5.7.2.1')) }),
      'accepted',
    ],
    [
      'with a critical policy qualifier that is not',
      withLeaf({ extensions: plus(anyPolicy(true, '1.2.3')) }),
      'critical-extension-unknown 0 2.5.29.32',
    ],
    [
      'with a policy qualifier that is not known, uncritical',
      withLeaf({ extensions: plus(anyPolicy(false, '1.2.3')) }),
      'accepted',
    ],
  ])('%s', (_, change, expected) => {
    expect(told(verify(change))).toBe(expected);
  });
});

describe('an anchor', () => {
  const bare = { ...FOREIGN_CHAIN, anchor: { validity: false, constraints: false } };

  test.each<[string, Otherwise]>([
    ['that has expired', { notAfter: NOT_BEFORE }],
    ['that is no CA', { extensions: instead('basicConstraints', basicConstraints()) }],
    ['with room for no CA', { extensions: instead('basicConstraints', basicConstraints(0)) }],
    ['with an unknown critical extension', { extensions: plus(extension('1.2.3.4', true, nullValue())) }],
    ['for other purposes', { extensions: plus(extendedKeyUsage(KEY_PURPOSE.serverAuth)) }],
  ])('%s is held to its certificate, unless the policy takes only name and key', (_, otherwise) => {
    expect(verify({ ...withRoot(otherwise), policy: FOREIGN_CHAIN }).ok).toBe(false);
    expect(told(verify({ ...withRoot(otherwise), policy: bare }))).toBe('accepted');
  });
});

describe('other algorithms', () => {
  const issue = (key: KeyObject, algorithm: Bytes): ChainVerdict => {
    const issuer = intermediate(ROOT, 'Intermediate', { spki: spkiOf(key) });
    const signed = leaf({ ...issuer, key }, 'Leaf', { signatureAlgorithm: algorithm });
    return verify({ leaf: signed, intermediates: [issuer.certificate] });
  };

  test.each([
    [
      'RSA-2048',
      generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
      SIGNATURE_ALGORITHM.rsaSha256,
      'accepted',
    ],
    [
      'RSA-1024',
      generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey,
      SIGNATURE_ALGORITHM.rsaSha256,
      'key-size-refused 0',
    ],
    [
      'P-384',
      generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
      SIGNATURE_ALGORITHM.ecdsaSha256,
      'accepted',
    ],
    [
      'secp256k1',
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey,
      SIGNATURE_ALGORITHM.ecdsaSha256,
      'key-algorithm-mismatch 0',
    ],
  ])('an intermediate with %s', (_, key, algorithm, expected) => {
    expect(told(issue(key, algorithm))).toBe(expected);
  });
});
