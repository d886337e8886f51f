import { describe, expect, test } from 'vitest';

import { mayRetry, responseCode } from '#tpm2/commands/response-code.ts';

/** TPM 2.0 Part 2, table of TPM_RC: each list is of names, by the number that is added to the base. */
const NAMES = [
  [
    'format-one',
    0x080,
    `01 ASYMMETRIC 02 ATTRIBUTES 03 HASH 04 VALUE 05 HIERARCHY 07 KEY_SIZE 08 MGF 09 MODE 0a TYPE 0b HANDLE 0c KDF 0d RANGE
     0e AUTH_FAIL 0f NONCE 10 PP 12 SCHEME 15 SIZE 16 SYMMETRIC 17 TAG 18 SELECTOR 1a INSUFFICIENT 1b SIGNATURE 1c KEY
     1d POLICY_FAIL 1f INTEGRITY 20 TICKET 21 RESERVED_BITS 22 BAD_AUTH 23 EXPIRED 24 POLICY_CC 25 BINDING 26 CURVE 27 ECC_POINT`,
  ],
  [
    'error',
    0x100,
    `00 INITIALIZE 01 FAILURE 03 SEQUENCE 0b PRIVATE 19 HMAC 20 DISABLED 21 EXCLUSIVE 24 AUTH_TYPE 25 AUTH_MISSING 26 POLICY
     27 PCR 28 PCR_CHANGED 2d UPGRADE 2e TOO_MANY_CONTEXTS 2f AUTH_UNAVAILABLE 30 REBOOT 31 UNBALANCED 42 COMMAND_SIZE
     43 COMMAND_CODE 44 AUTHSIZE 45 AUTH_CONTEXT 46 NV_RANGE 47 NV_SIZE 48 NV_LOCKED 49 NV_AUTHORIZATION 4a NV_UNINITIALIZED
     4b NV_SPACE 4c NV_DEFINED 50 BAD_CONTEXT 51 CPHASH 52 PARENT 53 NEEDS_TEST 54 NO_RESULT 55 SENSITIVE`,
  ],
  [
    'warning',
    0x900,
    `01 CONTEXT_GAP 02 OBJECT_MEMORY 03 SESSION_MEMORY 04 MEMORY 05 SESSION_HANDLES 06 OBJECT_HANDLES 07 LOCALITY 08 YIELDED
     09 CANCELED 0a TESTING 10 REFERENCE_H0 11 REFERENCE_H1 12 REFERENCE_H2 13 REFERENCE_H3 14 REFERENCE_H4 15 REFERENCE_H5
     16 REFERENCE_H6 18 REFERENCE_S0 19 REFERENCE_S1 1a REFERENCE_S2 1b REFERENCE_S3 1c REFERENCE_S4 1d REFERENCE_S5
     1e REFERENCE_S6 20 NV_RATE 21 LOCKOUT 22 RETRY 23 NV_UNAVAILABLE`,
  ],
] as const;

describe('responseCode', () => {
  test.each(NAMES)('knows every %s by its name', (kind, base, list) => {
    const known = list.split(/\s+/);
    for (let at = 0; at < known.length; at += 2) {
      const rc = base + Number.parseInt(known[at] ?? '', 16);
      expect(responseCode(rc)).toMatchObject({ kind, rc, name: known[at + 1] });
    }
  });

  test.each([
    [0x000, { kind: 'success', name: 'SUCCESS' }],
    [0x084, { kind: 'format-one', name: 'VALUE', subject: 'handle', number: 0 }],
    [0x784, { kind: 'format-one', name: 'VALUE', subject: 'handle', number: 7 }],
    [0x884, { kind: 'format-one', name: 'VALUE', subject: 'session', number: 0 }],
    [0x984, { kind: 'format-one', name: 'VALUE', subject: 'session', number: 1 }],
    [0xf84, { kind: 'format-one', name: 'VALUE', subject: 'session', number: 7 }],
    [0x0c4, { kind: 'format-one', name: 'VALUE', subject: 'parameter', number: 0 }],
    [0xfc4, { kind: 'format-one', name: 'VALUE', subject: 'parameter', number: 15 }],
    [0x086, { kind: 'format-one', name: 'UNKNOWN' }],
    [0xfff, { kind: 'format-one', name: 'UNKNOWN', subject: 'parameter', number: 15 }],
    [0x17f, { kind: 'error', name: 'UNKNOWN' }],
    [0x97f, { kind: 'warning', name: 'UNKNOWN' }],
    [0x001, { kind: 'foreign', name: 'UNKNOWN' }],
    [0x501, { kind: 'foreign', name: 'UNKNOWN' }],
    [0x1000, { kind: 'foreign', name: 'UNKNOWN' }],
    [0x1101, { kind: 'foreign', name: 'UNKNOWN' }],
    [0x80280400, { kind: 'foreign', name: 'UNKNOWN' }],
  ])('takes %i apart', (rc, parts) => {
    expect(responseCode(rc)).toMatchObject({ rc, ...parts });
  });
});

test.each([
  ['a TPM that yielded', 0x908, true],
  ['a TPM that tests itself', 0x90a, true],
  ['a TPM that asks for it', 0x922, true],
  ['a TPM that is locked out', 0x921, false],
  ['a wrong value', 0x084, false],
  ['success', 0x000, false],
])('a command is repeated for %s only if that can help', (_what, rc, again) => {
  expect(mayRetry(responseCode(rc))).toBe(again);
});
