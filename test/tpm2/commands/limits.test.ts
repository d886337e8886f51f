import { describe, expect, test } from 'vitest';

import { fromHex } from '#core/bytes.ts';
import { formatCode } from '#test/lab/format-code.ts';
import { decodeActivateCredential } from '#tpm2/commands/attestation.ts';
import { decodeGetCapability } from '#tpm2/commands/capability.ts';
import { decodeNvReadPublic } from '#tpm2/commands/nv.ts';
import { decodeCreatePrimary, decodeLoad, decodeReadPublic } from '#tpm2/commands/object.ts';
import { decodePcrRead } from '#tpm2/commands/pcr.ts';
import { decodeGetRandom } from '#tpm2/commands/random.ts';
import { decodePolicyGetDigest, decodePolicySecret, decodeStartAuthSession } from '#tpm2/commands/session.ts';

/** A successful response; with sessions, their answers follow the parameters. */
function response(parameters: string, { sessions = 0, handle = '', answer = '0000010000' } = {}): Uint8Array {
  const size = (hex: string) => (hex.length / 2).toString(16).padStart(8, '0');
  const sized = sessions > 0 ? size(parameters) : '';
  const body = `00000000${handle}${sized}${parameters}${answer.repeat(sessions)}`;
  return fromHex(`${sessions > 0 ? '8002' : '8001'}${size(`000000000000${body}`)}${body}`);
}

/** A TPM2B of `size` bytes. */
const b = (size: number) => size.toString(16).padStart(4, '0') + 'ab'.repeat(size);

const HANDLE = { handle: '80000000', sessions: 1 };
const nvPublic = (policy: number, rest = '') => {
  const hex = `01c00002000b62072801${b(policy)}03f8${rest}`;
  return (hex.length / 2).toString(16).padStart(4, '0') + hex;
};
const creation = (hash: number, ticket: number, name: number) =>
  `${b(4)}${b(4)}${b(hash)}80214000000b${b(ticket)}${b(name)}`;

describe('the decoder of a response', () => {
  test.each<[string, () => unknown, string]>([
    ['random bytes', () => decodeGetRandom(response(b(64))), 'accepted'],
    ['more random bytes than any digest', () => decodeGetRandom(response(b(65))), 'size-out-of-range'],
    ['a secret', () => decodeActivateCredential(response(b(64), { sessions: 2 })), 'accepted'],
    ['a secret too long', () => decodeActivateCredential(response(b(65), { sessions: 2 })), 'size-out-of-range'],
    [
      'PCR values',
      () => decodePcrRead(response(`00000001${'00000001000b01ff'}00000008${b(64).repeat(8)}`)),
      'accepted',
    ],
    [
      'a PCR value too long',
      () => decodePcrRead(response(`00000001${'00000001000b0101'}00000001${b(65)}`)),
      'size-out-of-range',
    ],
    ['an NV public area', () => decodeNvReadPublic(response(`${nvPublic(64)}${b(66)}`)), 'accepted'],
    [
      'an NV public area with a byte too many',
      () => decodeNvReadPublic(response(`${nvPublic(0, '00')}${b(66)}`)),
      'trailing-bytes',
    ],
    ['an NV policy too long', () => decodeNvReadPublic(response(`${nvPublic(65)}${b(66)}`)), 'size-out-of-range'],
    ['an NV name too long', () => decodeNvReadPublic(response(`${nvPublic(0)}${b(67)}`)), 'size-out-of-range'],
    ['a primary object', () => decodeCreatePrimary(response(creation(64, 64, 66), HANDLE)), 'accepted'],
    [
      'a creation hash too long',
      () => decodeCreatePrimary(response(creation(65, 64, 66), HANDLE)),
      'size-out-of-range',
    ],
    ['a ticket too long', () => decodeCreatePrimary(response(creation(64, 65, 66), HANDLE)), 'size-out-of-range'],
    ['a name too long', () => decodeCreatePrimary(response(creation(64, 64, 67), HANDLE)), 'size-out-of-range'],
    ['a loaded object', () => decodeLoad(response(b(66), HANDLE)), 'accepted'],
    ['a loaded object’s name too long', () => decodeLoad(response(b(67), HANDLE)), 'size-out-of-range'],
    [
      'an answer of a session',
      () => decodeLoad(response(b(66), { ...HANDLE, answer: `${b(64)}01${b(64)}` })),
      'accepted',
    ],
    [
      'a session’s nonce too long',
      () => decodeLoad(response(b(66), { ...HANDLE, answer: `${b(65)}010000` })),
      'size-out-of-range',
    ],
    [
      'a session’s HMAC too long',
      () => decodeLoad(response(b(66), { ...HANDLE, answer: `000001${b(65)}` })),
      'size-out-of-range',
    ],
    ['a public area', () => decodeReadPublic(response(`${b(4)}${b(66)}${b(66)}`)), 'accepted'],
    ['its name too long', () => decodeReadPublic(response(`${b(4)}${b(67)}${b(66)}`)), 'size-out-of-range'],
    ['its qualified name too long', () => decodeReadPublic(response(`${b(4)}${b(66)}${b(67)}`)), 'size-out-of-range'],
    ['a session', () => decodeStartAuthSession(response(b(64), { handle: '03000000' })), 'accepted'],
    ['a nonce too long', () => decodeStartAuthSession(response(b(65), { handle: '03000000' })), 'size-out-of-range'],
    ['a policy', () => decodePolicyGetDigest(response(b(64))), 'accepted'],
    ['a policy too long', () => decodePolicyGetDigest(response(b(65))), 'size-out-of-range'],
    ['a timeout', () => decodePolicySecret(response(`${b(8)}802340000007${b(0)}`, { sessions: 1 })), 'accepted'],
    [
      'a timeout too long',
      () => decodePolicySecret(response(`${b(9)}802340000007${b(0)}`, { sessions: 1 })),
      'size-out-of-range',
    ],
    ['a capability', () => decodeGetCapability(response('000000000100000000')), 'accepted'],
    ['moreData neither 0 nor 1', () => decodeGetCapability(response('020000000100000000')), 'bad-value'],
    ['a capability nobody asked for', () => decodeGetCapability(response('000000000300000000')), 'unknown-selector'],
    ['2^32-1 handles', () => decodeGetCapability(response('0000000001ffffffff')), 'count-out-of-range'],
  ])('is bounded: %s', (_what, decode, code) => {
    expect(formatCode(decode)).toBe(code);
  });

  test.each([
    [
      'algorithms',
      '00000000000000010004' + '00000004',
      { kind: 'algorithms', algorithms: [{ alg: 4, attributes: 4 }] },
    ],
    ['handles', '000000010000000101c00002', { kind: 'handles', values: [0x01c00002] }],
    ['commands', '000000020000000100000144', { kind: 'commands', values: [0x144] }],
    [
      'pcrs',
      '0000000500000001000b03010000',
      { kind: 'pcrs', selections: [{ hash: 'sha256', sizeofSelect: 3, pcrs: [0] }] },
    ],
    [
      'properties',
      '000000060000000100000105' + '49424d00',
      { kind: 'properties', properties: new Map([[0x105, 0x49424d00]]) },
    ],
    ['curves', '00000008000000010003', { kind: 'curves', values: [3] }],
  ])('reads the capability of %s', (_what, body, data) => {
    expect(decodeGetCapability(response(`01${body}`))).toEqual({ moreData: true, data });
  });
});
