import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

import { type Bytes, concatBytes, fromHex, toBase64Url, utf8 } from '#core/bytes.ts';
import { sha256Hex } from '#core/digest.ts';
import type { Measurements } from '#protocol/measurements.ts';

/** A key that signs measurements, outside of any TPM. */
export interface LabMeasurementKey {
  readonly alg: 'ES256' | 'ES384' | 'EdDSA';
  readonly privateKey: KeyObject;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Bytes;
  /** SHA-256 of `spki`, lower-case hex. */
  readonly id: string;
}

export function labMeasurementKey(alg: LabMeasurementKey['alg'] = 'ES256'): LabMeasurementKey {
  const { privateKey, publicKey } =
    alg === 'EdDSA'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: alg === 'ES256' ? 'P-256' : 'P-384' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return { alg, privateKey, spki, id: sha256Hex(spki) };
}

export const LAB_MEASUREMENTS: Measurements = {
  kernel: sha256Hex(utf8('kernel')),
  initrd: sha256Hex(utf8('initrd')),
  commandLine: 'root=/dev/sda1 ro quiet',
  agent: sha256Hex(utf8('agent')),
  image: sha256Hex(utf8('image')),
};

/** A policy's demands that `LAB_MEASUREMENTS` meet. */
export const LAB_ACCEPTED = {
  kernel: [LAB_MEASUREMENTS.kernel],
  initrd: [LAB_MEASUREMENTS.initrd],
  commandLines: [LAB_MEASUREMENTS.commandLine],
  agent: [LAB_MEASUREMENTS.agent],
  image: [LAB_MEASUREMENTS.image],
};

/** One thing about a token that is not as it should be. Members replace those of the right token; `undefined` takes one away. */
export interface TokenChange {
  readonly header?: object;
  /** The header's or the payload's JSON as it stands. */
  readonly headerText?: string;
  readonly payloadText?: string;
  readonly claims?: object;
  readonly measurements?: object;
  /** Makes the signature, over the signing input. */
  readonly sign?: (input: Bytes) => Bytes;
}

export interface TokenFacts {
  readonly key: LabMeasurementKey;
  readonly qualifyingData: Bytes;
  readonly now: Date;
  readonly generation?: string | undefined;
}

const json = (value: object): string => JSON.stringify(value);
const encode = (text: string): string => toBase64Url(utf8(text));

/** The token that `key`'s honest holder signs, but for `change`. Written apart from the agent's own. */
export function labToken({ key, qualifyingData, now, generation }: TokenFacts, change: TokenChange = {}): string {
  const header = change.headerText ?? json({ alg: key.alg, kid: key.id, typ: 'eat+jwt', ...change.header });
  const measurements = encode(json({ ...LAB_MEASUREMENTS, ...change.measurements }));
  const payload =
    change.payloadText ??
    json({
      eat_nonce: toBase64Url(qualifyingData),
      ueid: toBase64Url(concatBytes(Uint8Array.of(1), fromHex(key.id))),
      iat: Math.floor(now.getTime() / 1_000),
      measurements: [[50, measurements]],
      generation,
      ...change.claims,
    });
  const input = `${encode(header)}.${encode(payload)}`;
  const signature = change.sign ?? ((bytes) => labSign(key, bytes));
  return `${input}.${toBase64Url(signature(utf8(input)))}`;
}

/** As JWS has it: fixed-length R and S, or Ed25519. */
export function labSign({ alg, privateKey }: LabMeasurementKey, input: Bytes): Bytes {
  const hash = { ES256: 'sha256', ES384: 'sha384', EdDSA: null }[alg];
  return sign(hash, input, { key: privateKey, dsaEncoding: 'ieee-p1363' });
}

/** HMAC with the public key as its secret: what a confusion of algorithms would have the verifier check. */
export const labHmac =
  (secret: Bytes) =>
  (input: Bytes): Bytes =>
    createHmac('sha256', secret).update(input).digest();
