import { describe, expect, test } from 'vitest';

import { fromHex } from '#core/bytes.ts';
import { formatCode } from '#test/lab/format-code.ts';
import {
  decodeActivateCredential,
  decodeCertify,
  decodeQuote,
  decodeSign,
  encodeActivateCredential,
} from '#tpm2/commands/attestation.ts';
import { decodeGetCapability } from '#tpm2/commands/capability.ts';
import { decodeReadClock } from '#tpm2/commands/clock.ts';
import { EMPTY_PASSWORD } from '#tpm2/commands/frame.ts';
import { decodeNvRead, decodeNvReadPublic } from '#tpm2/commands/nv.ts';
import {
  decodeCreate,
  decodeCreatePrimary,
  decodeEvictControl,
  decodeFlushContext,
  decodeLoad,
  decodeReadPublic,
} from '#tpm2/commands/object.ts';
import { decodePcrExtend, decodePcrRead, decodePcrReset } from '#tpm2/commands/pcr.ts';
import { decodeGetRandom } from '#tpm2/commands/random.ts';
import { decodePolicyGetDigest, decodePolicySecret, decodeStartAuthSession } from '#tpm2/commands/session.ts';
import { decodeShutdown, decodeStartup, encodeShutdown, encodeStartup } from '#tpm2/commands/startup.ts';

const DECODERS: readonly (readonly [command: string, decode: (response: Uint8Array) => unknown])[] = [
  ['TPM2_ActivateCredential', decodeActivateCredential],
  ['TPM2_Quote', decodeQuote],
  ['TPM2_Certify', decodeCertify],
  ['TPM2_Sign', decodeSign],
  ['TPM2_GetCapability', decodeGetCapability],
  ['TPM2_ReadClock', decodeReadClock],
  ['TPM2_NV_ReadPublic', decodeNvReadPublic],
  ['TPM2_NV_Read', decodeNvRead],
  ['TPM2_CreatePrimary', decodeCreatePrimary],
  ['TPM2_Create', decodeCreate],
  ['TPM2_Load', decodeLoad],
  ['TPM2_ReadPublic', decodeReadPublic],
  ['TPM2_EvictControl', decodeEvictControl],
  ['TPM2_FlushContext', decodeFlushContext],
  ['TPM2_PCR_Read', decodePcrRead],
  ['TPM2_PCR_Extend', decodePcrExtend],
  ['TPM2_PCR_Reset', decodePcrReset],
  ['TPM2_GetRandom', decodeGetRandom],
  ['TPM2_StartAuthSession', decodeStartAuthSession],
  ['TPM2_PolicySecret', decodePolicySecret],
  ['TPM2_PolicyGetDigest', decodePolicyGetDigest],
  ['TPM2_Startup', decodeStartup],
  ['TPM2_Shutdown', decodeShutdown],
];

describe('a command that the TPM refuses', () => {
  test.each(DECODERS)('is named: %s', (command, decode) => {
    const refusal = expect.objectContaining({
      name: 'TpmResponseError',
      message: `${command}: TPM_RC_FAILURE (0x101)`,
    });
    expect(() => decode(fromHex('80010000000a00000101'))).toThrow(refusal);
  });

  test.each([
    ['TPM2_GetRandom response', '800100000009', 'TPM response'],
    ['its tag', '80020000000e000000000002aabb', 'TPM2_GetRandom response'],
    ['its parameters', '80010000000f000000000002aabb00', 'TPM2_GetRandom parameters'],
  ])('so is what is malformed in its response: %s', (_what, hex, what) => {
    expect(() => decodeGetRandom(fromHex(hex))).toThrow(expect.objectContaining({ name: 'Tpm2FormatError', what }));
  });

  test.each([
    ['ff', '0001cc', 'TPM2B_ID_OBJECT'],
    ['0002aabb', 'ff', 'TPM2B_ENCRYPTED_SECRET'],
  ])('so is what is malformed in a credential', (blob, secret, what) => {
    const encode = () =>
      encodeActivateCredential({
        activateHandle: 1,
        keyHandle: 2,
        keyAuthorization: EMPTY_PASSWORD,
        credentialBlob: fromHex(blob),
        encryptedSecret: fromHex(secret),
      });
    expect(encode).toThrow(expect.objectContaining({ what }));
  });
});

describe('a signature from the TPM', () => {
  const signed = (signature: string) => {
    const size = (hex: string) => (hex.length / 2).toString(16).padStart(8, '0');
    const body = `00000000${size(signature)}${signature}0000010000`;
    return fromHex(`8002${size(`000000000000${body}`)}${body}`);
  };

  test.each([
    ['as it is', '0018000b0001aa0001bb', 'accepted'],
    ['of no known scheme', '9999000b0001aa0001bb', 'unknown-selector'],
    ['with a byte after it', '0018000b0001aa0001bbff', 'trailing-bytes'],
  ])('is well formed: %s', (_what, signature, code) => {
    expect(formatCode(() => decodeSign(signed(signature)))).toBe(code);
  });
});

test('start and stop say whether the state is kept', () => {
  expect([encodeStartup('clear'), encodeStartup('state'), encodeShutdown('clear'), encodeShutdown('state')]).toEqual(
    [
      '80010000000c000001440000',
      '80010000000c000001440001',
      '80010000000c000001450000',
      '80010000000c000001450001',
    ].map((hex) => Buffer.from(fromHex(hex))),
  );
});
