import { describe, expect, test } from 'vitest';

import { concatBytes, fromHex, toHex } from '#core/bytes.ts';
import { formatCode } from '#test/lab/format-code.ts';
import { encodeActivateCredential, encodeQuote } from '#tpm2/commands/attestation.ts';
import {
  decodeResponse,
  EMPTY_PASSWORD,
  encodeCommand,
  parseResponseHeader,
  policyAuthorization,
  TpmResponseError,
} from '#tpm2/commands/frame.ts';
import { decodePcrRead } from '#tpm2/commands/pcr.ts';
import { decodeGetRandom } from '#tpm2/commands/random.ts';
import { pcrSelection } from '#tpm2/pcr.ts';

describe('encodeCommand', () => {
  test('puts handles, authorisations and parameters in their places', () => {
    const command = encodeCommand({
      code: 0x147,
      handles: [0x80000002, 0x80000000],
      authorizations: [EMPTY_PASSWORD, policyAuthorization(0x03000000)],
      parameters: fromHex('abcd'),
    });
    expect(toHex(command)).toBe(
      '80020000002a000001478000000280000000' + '00000012' + '400000090000010000' + '030000000000010000' + 'abcd',
    );
    expect(toHex(encodeCommand({ code: 0x181 }))).toBe('80010000000a00000181');
  });

  test('encodes a quote as the TPM took it', () => {
    const nonce = 'f3e5901efa1d532eedb66309201b08a05c848066c5e2b5c74707e26cfaaf849a';
    const command = encodeQuote({
      signHandle: 0x80000002,
      qualifyingData: fromHex(nonce),
      selections: [pcrSelection('sha256', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 14])],
    });
    expect(toHex(command)).toBe(
      `8002000000490000015880000002000000094000000900000100000020${nonce}001000000001000b03ff4300`,
    );
  });

  test('refuses a command longer than the device takes', () => {
    expect(() => encodeCommand({ code: 1, parameters: new Uint8Array(4096) })).toThrow(RangeError);
    expect(encodeCommand({ code: 1, parameters: new Uint8Array(4086) })).toHaveLength(4096);
  });

  test.each([
    ['one whole TPM2B each', '0002aabb', '0001cc', 'accepted'],
    ['a credential with a byte after it', '0002aabbff', '0001cc', 'trailing-bytes'],
    ['a credential cut short', '0003aabb', '0001cc', 'truncated'],
    ['a secret with a byte after it', '0002aabb', '0001ccff', 'trailing-bytes'],
    ['an empty secret field', '0002aabb', '', 'truncated'],
  ])('takes a credential from the network only whole: %s', (_what, blob, secret, code) => {
    const encode = () =>
      encodeActivateCredential({
        activateHandle: 1,
        keyHandle: 2,
        keyAuthorization: EMPTY_PASSWORD,
        credentialBlob: fromHex(blob),
        encryptedSecret: fromHex(secret),
      });
    expect(formatCode(encode)).toBe(code);
  });
});

describe('responses', () => {
  test.each([
    ['a response as it is', '80010000000e000000000002aabb', 'accepted'],
    ['a size other than the length', '80010000000d000000000002aabb', 'size-out-of-range'],
    ['the tag of a response with sessions', '80020000000e000000000002aabb', 'bad-value'],
    ['a parameter cut short', '80010000000e000000000003aabb', 'truncated'],
    ['a parameter too many', '80010000000f000000000002aabb00', 'trailing-bytes'],
    ['an error with more than its code', '80010000000e000001010002aabb', 'trailing-bytes'],
    ['an error with the tag of sessions', '80020000000a00000101', 'bad-value'],
    ['no header', '80010000', 'truncated'],
  ])('says what is wrong with %s', (_what, hex, code) => {
    expect(formatCode(() => decodeGetRandom(fromHex(hex)))).toBe(code);
  });

  test.each([
    ['as many as the command had', '80020000001300000000000000000000010000', 'accepted'],
    ['one too many', '800200000018000000000000000000000100000000010000', 'trailing-bytes'],
    ['none', '80020000000e0000000000000000', 'truncated'],
    ['a parameter size beyond the response', '80020000001300000000000000ff0000010000', 'truncated'],
    ['a parameter that nobody reads', '8002000000140000000000000001ff0000010000', 'trailing-bytes'],
  ])('have authorisations: %s', (_what, hex, code) => {
    const decode = () => decodeResponse(fromHex(hex), { what: 'test', sessions: 1, read: () => undefined });
    expect(formatCode(decode)).toBe(code);
  });

  test('an error is thrown with its meaning', () => {
    const decode = () => decodeGetRandom(fromHex('80010000000a00000922'));
    expect(decode).toThrow(TpmResponseError);
    expect(decode).toThrow(/TPM_RC_RETRY \(0x922\)/);
    expect(parseResponseHeader(fromHex('80010000000a00000922')).code.name).toBe('RETRY');
  });

  test('refuses a response longer than the device gives', () => {
    const long = concatBytes(fromHex('80010000100100000000'), new Uint8Array(4087));
    expect(long).toHaveLength(4097);
    expect(() => parseResponseHeader(long)).toThrow(/size-out-of-range/);
    const longest = concatBytes(fromHex('80010000100000000000'), new Uint8Array(4086));
    expect(parseResponseHeader(longest)).toMatchObject({ size: 4096, code: { kind: 'success' } });
  });

  test('refuses PCR values that are not as many as the selected PCRs', () => {
    const frame = (body: string) =>
      fromHex(`8001${(10 + body.length / 2).toString(16).padStart(8, '0')}00000000${body}`);
    const selected = '00000001' + '00000001000b03030000';
    expect(decodePcrRead(frame(`${selected}000000020001aa0001bb`)).values).toHaveLength(2);
    expect(() => decodePcrRead(frame(`${selected}000000010001aa`))).toThrow(/count-out-of-range/);
    expect(() => decodePcrRead(frame(`${selected}00000009${'0001aa'.repeat(9)}`))).toThrow(/count-out-of-range/);
  });
});
