import { readdirSync } from 'node:fs';

import { expect, test } from 'vitest';

import { parseAlgorithm } from '#pki/x509/algorithm.ts';
import { integer, nullValue, oid, sequence, tagged } from '#pki/x509/der-writer.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import { KEY_ALGORITHM, MGF1 } from '#pki/x509/oids.ts';
import { type SignatureDenialCode, verifySignature } from '#pki/x509/signature.ts';
import type { SignaturePolicy } from '#pki/x509/signature-policy.ts';
import type { SignatureScheme } from '#pki/x509/signature-scheme.ts';
import { parseSpki } from '#pki/x509/spki.ts';

import { describeSuite, readSuite, suitePath } from './suite.ts';

interface Vector {
  readonly tcId: number;
  readonly msg: string;
  readonly sig: string;
  readonly result: 'valid' | 'invalid' | 'acceptable';
  readonly flags: readonly string[];
}

interface Group {
  readonly type: string;
  readonly publicKeyDer: string;
  readonly sha?: string;
  readonly mgfSha?: string;
  readonly sLen?: number;
  readonly tests: readonly Vector[];
}

const HASH_OID: Readonly<Record<string, string>> = {
  'SHA-1': '1.3.14.3.2.26',
  'SHA-224': '2.16.840.1.101.3.4.2.4',
  'SHA-256': '2.16.840.1.101.3.4.2.1',
  'SHA-384': '2.16.840.1.101.3.4.2.2',
  'SHA-512': '2.16.840.1.101.3.4.2.3',
  'SHA-512/224': '2.16.840.1.101.3.4.2.5',
  'SHA-512/256': '2.16.840.1.101.3.4.2.6',
};
const PKCS1_OID: Readonly<Record<string, string>> = {
  'SHA-256': '1.2.840.113549.1.1.11',
  'SHA-384': '1.2.840.113549.1.1.12',
  'SHA-512': '1.2.840.113549.1.1.13',
};
const ECDSA_OID: Readonly<Record<string, string>> = {
  'SHA-256': '1.2.840.10045.4.3.2',
  'SHA-384': '1.2.840.10045.4.3.3',
  'SHA-512': '1.2.840.10045.4.3.4',
};

/** Everything that the wrapper can verify at all, weak digests left out: the vectors are about the mathematics, not about our policy. */
const EVERYTHING: SignaturePolicy = {
  schemes: new Set<SignatureScheme>(
    (['sha256', 'sha384', 'sha512'] as const).flatMap((hash) => [
      `rsa-pkcs1-${hash}` as const,
      `rsa-pss-${hash}` as const,
      `ecdsa-${hash}` as const,
    ]),
  ).add('ed25519'),
  keys: {
    curves: new Set(['P-256', 'P-384', 'P-521'] as const),
    rsaBits: { min: 2048, max: 4096, multipleOf: 8 },
    rsaExponent: 'odd',
    ed25519: true,
  },
  pssSalt: 'declared',
};

/**
 * What the wrapper refuses to express: PSS whose mask generation function has another digest than the message (240 vectors, which node:crypto
 * cannot express either), and PSS with SHA-1, SHA-224 or a truncated SHA-512 (24). All are valid signatures, and must come back as
 * `signature-parameters-invalid`, by design.
 */
const isInexpressible = (group: Group): boolean =>
  group.type.startsWith('RsassaPss') &&
  (group.sha !== group.mgfSha || !['SHA-256', 'SHA-384', 'SHA-512'].includes(group.sha ?? ''));

function algorithmOf(group: Group): Buffer {
  switch (group.type) {
    case 'EddsaVerify':
      return sequence(oid(KEY_ALGORITHM.ed25519));
    case 'EcdsaVerify':
    case 'EcdsaP1363Verify':
      return sequence(oid(ECDSA_OID[group.sha ?? ''] ?? ''));
    case 'RsassaPkcs1Verify':
      return sequence(oid(PKCS1_OID[group.sha ?? ''] ?? ''), nullValue());
    default:
      return pssAlgorithm(group.sha ?? '', group.mgfSha ?? '', group.sLen ?? 0);
  }
}

function pssAlgorithm(hash: string, mgfHash: string, saltLength: number): Buffer {
  const digest = (name: string): Buffer => sequence(oid(HASH_OID[name] ?? ''), nullValue());
  const mgf = sequence(oid(MGF1), digest(mgfHash));
  return sequence(
    oid(KEY_ALGORITHM.rsassaPss),
    sequence(tagged(0, digest(hash)), tagged(1, mgf), tagged(2, integer(saltLength))),
  );
}

function verdict(group: Group, vector: Vector): 'valid' | SignatureDenialCode | 'spki-malformed' {
  try {
    const result = verifySignature({
      algorithm: parseAlgorithm(algorithmOf(group)),
      spki: parseSpki(Buffer.from(group.publicKeyDer, 'hex')),
      data: Buffer.from(vector.msg, 'hex'),
      signature: Buffer.from(vector.sig, 'hex'),
      policy: EVERYTHING,
      ecdsaEncoding: group.type === 'EcdsaP1363Verify' ? 'ieee-p1363' : 'der',
    });
    return result.ok ? 'valid' : result.code;
  } catch (error) {
    if (error instanceof X509FormatError) return 'spki-malformed';
    throw error;
  }
}

describeSuite('wycheproof', () => {
  const files = readdirSync(suitePath('wycheproof')).filter((name) => /^(?:ecdsa|rsa|ed25519)_/.test(name));
  const seen = { vectors: 0, inexpressible: 0, inexpressibleValid: 0, acceptableRefused: 0 };

  test.each(files)('%s: every vector gets the published verdict', (file) => {
    const suite: { testGroups: Group[] } = JSON.parse(readSuite('wycheproof', file).toString('utf8'));
    const wrong: string[] = [];
    for (const group of suite.testGroups) {
      for (const vector of group.tests) {
        seen.vectors += 1;
        const got = verdict(group, vector);
        if (isInexpressible(group)) {
          seen.inexpressible += 1;
          seen.inexpressibleValid += Number(vector.result === 'valid');
          if (got !== 'signature-parameters-invalid') wrong.push(`${vector.tcId}: inexpressible, yet ${got}`);
        } else if (vector.result === 'acceptable') {
          seen.acceptableRefused += Number(got !== 'valid');
        } else if ((got === 'valid') !== (vector.result === 'valid')) {
          wrong.push(`${vector.tcId}: want ${vector.result}, got ${got} [${vector.flags.join(' ')}]`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test('the whole of it was run', () => {
    expect(seen).toEqual({ vectors: 7005, inexpressible: 264, inexpressibleValid: 264, acceptableRefused: 7 });
  });
});
