/** TPM_RC_* names of format-one errors: rc & 0x3f (TPM 2.0 Part 2 §6.6.3). */
const FORMAT_ONE: Readonly<Record<number, string>> = {
  0x01: 'ASYMMETRIC',
  0x02: 'ATTRIBUTES',
  0x03: 'HASH',
  0x04: 'VALUE',
  0x05: 'HIERARCHY',
  0x07: 'KEY_SIZE',
  0x08: 'MGF',
  0x09: 'MODE',
  0x0a: 'TYPE',
  0x0b: 'HANDLE',
  0x0c: 'KDF',
  0x0d: 'RANGE',
  0x0e: 'AUTH_FAIL',
  0x0f: 'NONCE',
  0x10: 'PP',
  0x12: 'SCHEME',
  0x15: 'SIZE',
  0x16: 'SYMMETRIC',
  0x17: 'TAG',
  0x18: 'SELECTOR',
  0x1a: 'INSUFFICIENT',
  0x1b: 'SIGNATURE',
  0x1c: 'KEY',
  0x1d: 'POLICY_FAIL',
  0x1f: 'INTEGRITY',
  0x20: 'TICKET',
  0x21: 'RESERVED_BITS',
  0x22: 'BAD_AUTH',
  0x23: 'EXPIRED',
  0x24: 'POLICY_CC',
  0x25: 'BINDING',
  0x26: 'CURVE',
  0x27: 'ECC_POINT',
};

/** Names of format-zero errors: rc & 0x7f where 0x100 is set. */
const FORMAT_ZERO: Readonly<Record<number, string>> = {
  0x00: 'INITIALIZE',
  0x01: 'FAILURE',
  0x03: 'SEQUENCE',
  0x0b: 'PRIVATE',
  0x19: 'HMAC',
  0x20: 'DISABLED',
  0x21: 'EXCLUSIVE',
  0x24: 'AUTH_TYPE',
  0x25: 'AUTH_MISSING',
  0x26: 'POLICY',
  0x27: 'PCR',
  0x28: 'PCR_CHANGED',
  0x2d: 'UPGRADE',
  0x2e: 'TOO_MANY_CONTEXTS',
  0x2f: 'AUTH_UNAVAILABLE',
  0x30: 'REBOOT',
  0x31: 'UNBALANCED',
  0x42: 'COMMAND_SIZE',
  0x43: 'COMMAND_CODE',
  0x44: 'AUTHSIZE',
  0x45: 'AUTH_CONTEXT',
  0x46: 'NV_RANGE',
  0x47: 'NV_SIZE',
  0x48: 'NV_LOCKED',
  0x49: 'NV_AUTHORIZATION',
  0x4a: 'NV_UNINITIALIZED',
  0x4b: 'NV_SPACE',
  0x4c: 'NV_DEFINED',
  0x50: 'BAD_CONTEXT',
  0x51: 'CPHASH',
  0x52: 'PARENT',
  0x53: 'NEEDS_TEST',
  0x54: 'NO_RESULT',
  0x55: 'SENSITIVE',
};

/** Names of warnings: rc & 0x7f where 0x900 is set. */
const WARNING: Readonly<Record<number, string>> = {
  0x01: 'CONTEXT_GAP',
  0x02: 'OBJECT_MEMORY',
  0x03: 'SESSION_MEMORY',
  0x04: 'MEMORY',
  0x05: 'SESSION_HANDLES',
  0x06: 'OBJECT_HANDLES',
  0x07: 'LOCALITY',
  0x08: 'YIELDED',
  0x09: 'CANCELED',
  0x0a: 'TESTING',
  0x10: 'REFERENCE_H0',
  0x11: 'REFERENCE_H1',
  0x12: 'REFERENCE_H2',
  0x13: 'REFERENCE_H3',
  0x14: 'REFERENCE_H4',
  0x15: 'REFERENCE_H5',
  0x16: 'REFERENCE_H6',
  0x18: 'REFERENCE_S0',
  0x19: 'REFERENCE_S1',
  0x1a: 'REFERENCE_S2',
  0x1b: 'REFERENCE_S3',
  0x1c: 'REFERENCE_S4',
  0x1d: 'REFERENCE_S5',
  0x1e: 'REFERENCE_S6',
  0x20: 'NV_RATE',
  0x21: 'LOCKOUT',
  0x22: 'RETRY',
  0x23: 'NV_UNAVAILABLE',
};

/** A TPM_RC taken apart. `name` is the specification's, without TPM_RC_; 'UNKNOWN' if it has none. */
export type ResponseCode =
  | { readonly kind: 'success'; readonly rc: 0; readonly name: 'SUCCESS' }
  | {
      readonly kind: 'format-one';
      readonly rc: number;
      readonly name: string;
      /** What the TPM objects to; `number` counts from 1, and 0 is no particular one. */
      readonly subject: 'handle' | 'parameter' | 'session';
      readonly number: number;
    }
  | { readonly kind: 'error' | 'warning'; readonly rc: number; readonly name: string }
  /** Not from the TPM's specification: a vendor's code, TPM 1.2's, or one of a layer above the TPM, such as the kernel's resource manager. */
  | { readonly kind: 'foreign'; readonly rc: number; readonly name: 'UNKNOWN' };

/** The meaning of a TPM_RC (TPM 2.0 Part 2 §6.6). */
export function responseCode(rc: number): ResponseCode {
  if (rc === 0) return { kind: 'success', rc, name: 'SUCCESS' };
  if (rc > 0xfff) return { kind: 'foreign', rc, name: 'UNKNOWN' };
  if ((rc & 0x80) !== 0) return formatOne(rc);
  if ((rc & 0x100) === 0 || (rc & 0x400) !== 0) return { kind: 'foreign', rc, name: 'UNKNOWN' };
  const isWarning = (rc & 0x800) !== 0;
  const name = (isWarning ? WARNING : FORMAT_ZERO)[rc & 0x7f] ?? 'UNKNOWN';
  return { kind: isWarning ? 'warning' : 'error', rc, name };
}

/** True when the TPM asks for the same command again, after a pause. */
export function mayRetry(code: ResponseCode): boolean {
  return code.kind === 'warning' && ['YIELDED', 'TESTING', 'RETRY'].includes(code.name);
}

function formatOne(rc: number): ResponseCode {
  const name = FORMAT_ONE[rc & 0x3f] ?? 'UNKNOWN';
  const n = (rc >>> 8) & 0xf;
  if ((rc & 0x40) !== 0) return { kind: 'format-one', rc, name, subject: 'parameter', number: n };
  if (n >= 8) return { kind: 'format-one', rc, name, subject: 'session', number: n - 8 };
  return { kind: 'format-one', rc, name, subject: 'handle', number: n };
}
