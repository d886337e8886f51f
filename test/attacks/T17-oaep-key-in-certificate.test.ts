import { describe, expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import { bitString, integer, nullValue, octetString, oid, sequence, tagged } from '#pki/x509/der-writer.ts';
import { DIGEST_OID, KEY_ALGORITHM, MGF1, P_SPECIFIED } from '#pki/x509/oids.ts';
import { parseSpki } from '#pki/x509/spki.ts';
import { verdict } from '#test/lab/tpm-appraisal.ts';
import { issueEkCertificate } from '#test/lab/tpm-certificates.ts';
import { labJoin, labNode } from '#test/lab/tpm-evidence.ts';
import { labTpm } from '#test/lab/software-tpm.ts';

const hash = (type: string): Bytes => sequence(oid(type), nullValue());
const oaep = (digest: string, mgf: string, mgfDigest: string, label: Bytes): Bytes =>
  sequence(
    tagged(0, hash(digest)),
    tagged(1, sequence(oid(mgf), hash(mgfDigest))),
    tagged(2, sequence(oid(P_SPECIFIED), octetString(label))),
  );
const { sha1, sha256 } = DIGEST_OID;
const LABEL = Buffer.from('TCPA');

describe('T17 an RSA EK that its certificate names id-RSAES-OAEP', () => {
  const node = labNode({ tpm: labTpm({ ek: 'rsa' }) });
  const join = labJoin(node);
  const { key } = parseSpki(node.tpm.ekSpki);
  const named = (type: string, parameters: readonly Bytes[], keyBytes = key): Bytes =>
    sequence(sequence(oid(type), ...parameters), bitString(keyBytes));

  const ROWS: readonly [string, Bytes, string][] = [
    ['rsaEncryption', node.tpm.ekSpki, 'accepted'],
    ['OAEP as old TPMs have it', named(KEY_ALGORITHM.rsaesOaep, [oaep(sha1, MGF1, sha1, LABEL)]), 'accepted'],
    ['OAEP with SHA-256', named(KEY_ALGORITHM.rsaesOaep, [oaep(sha256, MGF1, sha256, LABEL)]), 'accepted'],
    ['OAEP without parameters', named(KEY_ALGORITHM.rsaesOaep, []), 'accepted'],
    ['OAEP with parameters that are a number', named(KEY_ALGORITHM.rsaesOaep, [integer(1)]), 'evidence-malformed'],
    [
      'OAEP with another mask function',
      named(KEY_ALGORITHM.rsaesOaep, [oaep(sha1, P_SPECIFIED, sha1, LABEL)]),
      'evidence-malformed',
    ],
    [
      'OAEP with an unknown digest',
      named(KEY_ALGORITHM.rsaesOaep, [oaep('1.2.3', MGF1, sha1, LABEL)]),
      'evidence-malformed',
    ],
    ['a key for RSAPSS', named(KEY_ALGORITHM.rsassaPss, []), 'ek-certificate-key-mismatch'],
    [
      'OAEP, of another TPM',
      named(KEY_ALGORITHM.rsaesOaep, [], parseSpki(labTpm({ ek: 'rsa' }).ekSpki).key),
      'ek-certificate-key-mismatch',
    ],
  ];

  test.each(ROWS)('%s', (_, spki, expected) => {
    const ekCertificates = [issueEkCertificate(node.ca, { spki, keyType: 'rsa' })];
    expect(verdict({ ...join, challenge: { ...join.challenge, ekCertificates } })).toBe(expected);
  });
});
