import type { Bytes } from '#core/bytes.ts';

import { type AlgorithmIdentifier, hasNullParameters, readAlgorithm } from './algorithm.ts';
import { DerReader } from './der-reader.ts';
import { bitString, nullValue, oid, sequence } from './der-writer.ts';
import { DIGEST_OID, KEY_ALGORITHM, MGF1, P_SPECIFIED } from './oids.ts';
import { parsePublicKey } from './public-key.ts';
import { parseSpki, type SubjectPublicKeyInfo } from './spki.ts';

const RSA_ENCRYPTION = sequence(oid(KEY_ALGORITHM.rsaEncryption), nullValue());
const OAEP_LABEL_MAX = 32;
const HASHES: ReadonlySet<string> = new Set<string>(Object.values(DIGEST_OID));

/**
 * The SubjectPublicKeyInfo that an EK is known by: an RSA key named id-RSAES-OAEP (some TPM makers' EK certificates) is rewritten as
 * rsaEncryption, RSAPublicKey unchanged; every other key is returned as it is. The OAEP parameters must be well-formed (RFC 4055 §4.1), with a
 * listed digest, MGF1 over a listed digest and a label of at most 32 bytes, or absent; they are then dropped, since the TPM fixes its own.
 * Throws X509FormatError on other parameters and on a malformed key.
 */
export function plainSpki(spki: SubjectPublicKeyInfo): SubjectPublicKeyInfo {
  const key = parsePublicKey(spki);
  if (key.type !== 'rsa' || key.restriction !== 'oaep') return spki;
  if (spki.algorithm.parameters !== undefined) checkOaepParameters(spki.algorithm.parameters);
  return parseSpki(sequence(RSA_ENCRYPTION, bitString(spki.key)));
}

function checkOaepParameters(der: Bytes): void {
  const outer = new DerReader(der, 'RSAES-OAEP-params');
  const inner = outer.sequence();
  outer.end();
  const hash = inner.tagged(0);
  if (hash !== undefined) checkHash(hash);
  const mgf = inner.tagged(1);
  if (mgf !== undefined) checkMgf(mgf);
  const source = inner.tagged(2);
  if (source !== undefined) checkLabel(source);
  inner.end();
}

function checkHash(reader: DerReader): void {
  checkHashAlgorithm(reader, readAlgorithm(reader));
  reader.end();
}

function checkMgf(reader: DerReader): void {
  const mgf = readAlgorithm(reader);
  reader.end();
  if (mgf.oid !== MGF1 || mgf.parameters === undefined) throw reader.fail('bad-value');
  checkHash(new DerReader(mgf.parameters, 'MGF1 parameters'));
}

function checkHashAlgorithm(reader: DerReader, algorithm: AlgorithmIdentifier): void {
  const isParameterless = algorithm.parameters === undefined || hasNullParameters(algorithm);
  if (!HASHES.has(algorithm.oid) || !isParameterless) throw reader.fail('bad-value');
}

function checkLabel(reader: DerReader): void {
  const source = readAlgorithm(reader);
  reader.end();
  if (source.oid !== P_SPECIFIED || source.parameters === undefined) throw reader.fail('bad-value');
  const label = new DerReader(source.parameters, 'OAEP label');
  if (label.octetString().byteLength > OAEP_LABEL_MAX) throw label.fail('too-large');
  label.end();
}
