import type { HashName } from '#core/digest.ts';

/** TPM_ALG_ID values (TCG Algorithm Registry). */
export const ALG = {
  rsa: 0x0001,
  sha1: 0x0004,
  hmac: 0x0005,
  aes: 0x0006,
  keyedHash: 0x0008,
  xor: 0x000a,
  sha256: 0x000b,
  sha384: 0x000c,
  sha512: 0x000d,
  null: 0x0010,
  sm3: 0x0012,
  sm4: 0x0013,
  rsassa: 0x0014,
  rsaes: 0x0015,
  rsapss: 0x0016,
  oaep: 0x0017,
  ecdsa: 0x0018,
  ecdh: 0x0019,
  ecdaa: 0x001a,
  sm2: 0x001b,
  ecschnorr: 0x001c,
  ecmqv: 0x001d,
  kdf1Sp80056a: 0x0020,
  kdf2: 0x0021,
  kdf1Sp800108: 0x0022,
  ecc: 0x0023,
  symCipher: 0x0025,
  sha3_256: 0x0027,
  sha3_384: 0x0028,
  sha3_512: 0x0029,
  cfb: 0x0043,
} as const;

/** TPM_ST structure tags (TPM 2.0 Part 2 §6.9). */
export const TAG = {
  noSessions: 0x8001,
  sessions: 0x8002,
  attestNv: 0x8014,
  attestCommandAudit: 0x8015,
  attestSessionAudit: 0x8016,
  attestCertify: 0x8017,
  attestQuote: 0x8018,
  attestTime: 0x8019,
  attestCreation: 0x801a,
  attestNvDigest: 0x801c,
  creation: 0x8021,
  verified: 0x8022,
  authSecret: 0x8023,
  hashCheck: 0x8024,
  authSigned: 0x8025,
} as const;

/** Permanent handles (TPM 2.0 Part 2 §7.4). */
export const RH = {
  owner: 0x40000001,
  null: 0x40000007,
  /** TPM_RS_PW: a password instead of a session. */
  password: 0x40000009,
  lockout: 0x4000000a,
  endorsement: 0x4000000b,
  platform: 0x4000000c,
} as const;

/** TPM_CC command codes (TPM 2.0 Part 2 §6.5.2). */
export const CC = {
  evictControl: 0x120,
  createPrimary: 0x131,
  pcrReset: 0x13d,
  startup: 0x144,
  shutdown: 0x145,
  activateCredential: 0x147,
  certify: 0x148,
  nvRead: 0x14e,
  policySecret: 0x151,
  create: 0x153,
  load: 0x157,
  quote: 0x158,
  sign: 0x15d,
  flushContext: 0x165,
  nvReadPublic: 0x169,
  readPublic: 0x173,
  startAuthSession: 0x176,
  getCapability: 0x17a,
  getRandom: 0x17b,
  pcrRead: 0x17e,
  readClock: 0x181,
  pcrExtend: 0x182,
  policyGetDigest: 0x189,
} as const;

/** TPMA_OBJECT bits (TPM 2.0 Part 2 §8.3). */
export const OBJECT_ATTRIBUTE = {
  fixedTpm: 1 << 1,
  stClear: 1 << 2,
  fixedParent: 1 << 4,
  sensitiveDataOrigin: 1 << 5,
  userWithAuth: 1 << 6,
  adminWithPolicy: 1 << 7,
  noDa: 1 << 10,
  encryptedDuplication: 1 << 11,
  restricted: 1 << 16,
  decrypt: 1 << 17,
  sign: 1 << 18,
  x509Sign: 1 << 19,
} as const;

/** Every defined TPMA_OBJECT bit; the others are reserved and zero. */
export const OBJECT_ATTRIBUTE_MASK = Object.values(OBJECT_ATTRIBUTE).reduce((mask, bit) => mask | bit, 0);

/** TPM_GENERATED_VALUE: the first four bytes of every structure that the TPM itself made to be signed. */
export const TPM_GENERATED = 0xff544347;

/** Elliptic curves by the name that JWK uses. */
export type CurveName = 'P-256' | 'P-384' | 'P-521';

interface Curve {
  /** TPM_ECC_CURVE. */
  readonly id: number;
  /** Coordinate size in bytes. */
  readonly size: number;
  /** OpenSSL's name. */
  readonly openssl: string;
  /** Order of the base point. */
  readonly order: bigint;
}

/** The curves that this system uses (FIPS 186-5, SP 800-186 §3.2.1). */
export const CURVE: Readonly<Record<CurveName, Curve>> = {
  'P-256': {
    id: 0x0003,
    size: 32,
    openssl: 'prime256v1',
    order: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  },
  'P-384': {
    id: 0x0004,
    size: 48,
    openssl: 'secp384r1',
    order: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  },
  'P-521': {
    id: 0x0005,
    size: 66,
    openssl: 'secp521r1',
    order:
      0x1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
  },
};

const CURVE_NAMES: readonly CurveName[] = ['P-256', 'P-384', 'P-521'];

/** The curve with TPM_ECC_CURVE `id`, or undefined if this system does not use it. */
export function curveNameOf(id: number): CurveName | undefined {
  return CURVE_NAMES.find((name) => CURVE[name].id === id);
}

const HASH_ALG: Readonly<Record<HashName, number>> = {
  sha1: ALG.sha1,
  sha256: ALG.sha256,
  sha384: ALG.sha384,
  sha512: ALG.sha512,
};

const HASH_NAME: ReadonlyMap<number, HashName> = new Map([
  [ALG.sha1, 'sha1'],
  [ALG.sha256, 'sha256'],
  [ALG.sha384, 'sha384'],
  [ALG.sha512, 'sha512'],
]);

/** The hash with TPM_ALG_ID `alg`, or undefined if this system does not compute it (SM3, SHA-3). */
export function hashNameOf(alg: number): HashName | undefined {
  return HASH_NAME.get(alg);
}

/** TPM_ALG_ID of a hash. */
export function algOfHash(name: HashName): number {
  return HASH_ALG[name];
}

/** Size in bytes of the largest digest, and so of the largest TPM2B_DIGEST. */
export const MAX_DIGEST_SIZE = 64;

/** Size in bytes of the largest TPM2B_NAME content and of the largest TPM2B_DATA: an algorithm and a digest. */
export const MAX_NAME_SIZE = 2 + MAX_DIGEST_SIZE;
