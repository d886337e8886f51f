import { constants, generateKeyPairSync, publicEncrypt, randomBytes, sign, verify, type KeyObject } from 'node:crypto';

import { microsecondsPerCall } from './measure.ts';

/** Microseconds of each operation that one TPM join cannot do without, through node:crypto with the keys imported already. */
export interface PrimitiveCosts {
  /** Two ECDSA P-256 verifications: the EK certificate by its issuer, the issuer by its root. */
  readonly ekChain: number;
  /** RSA-2048 OAEP encryption to the EK. */
  readonly credential: number;
  /** ECDSA P-256 verification of the quote. */
  readonly quote: number;
  /** ECDSA P-256 verification of the certificate request. */
  readonly csr: number;
  /** ECDSA P-256 signature over the certificate. */
  readonly signature: number;
}

/** Measures them, one after the other, in this process: of the kinds and in the numbers that a join of `bench/join-load.ts` has. */
export function benchPrimitives(): PrimitiveCosts {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const data = randomBytes(700);
  const ecSignature = sign('sha256', data, ec.privateKey);
  const verification = microsecondsPerCall(() => verify('sha256', data, ec.publicKey, ecSignature));
  return {
    ekChain: 2 * verification,
    credential: microsecondsPerCall(() => oaep(rsa.publicKey)),
    quote: verification,
    csr: verification,
    signature: microsecondsPerCall(() => sign('sha256', data, ec.privateKey)),
  };
}

const seed = randomBytes(32);
const label = Buffer.from('IDENTITY\0');

const oaep = (key: KeyObject): Buffer =>
  publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256', oaepLabel: label }, seed);
