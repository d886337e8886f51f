import { describe, expect, test } from 'vitest';

import { toBase64Url } from '#core/bytes.ts';
import { systemRandom } from '#core/random.ts';
import { lastDenials, submit, told } from '#test/lab/join-lab.ts';
import { labHmac, labMeasurementKey, labSign } from '#test/lab/measurement-key.ts';
import {
  answerWithToken,
  challengeKey,
  earned,
  joinSigned,
  measurementLab,
  type SignedJoin,
} from '#test/lab/measurement-lab.ts';

const lab = await measurementLab();
const thief = labMeasurementKey();

describe('T71 measurements that the enrolled key did not sign for this join', () => {
  test.each<[string, SignedJoin, string]>([
    ['T71 alg none', { change: { header: { alg: 'none' }, sign: () => new Uint8Array() } }, 'token-header-refused'],
    [
      'T71 HMAC under the public key',
      { change: { header: { alg: 'HS256' }, sign: labHmac(lab.key.spki) } },
      'token-header-refused',
    ],
    ['T71 a key of its own in the header', { change: { header: { jwk: {} } } }, 'token-header-refused'],
    [
      'T71 the signature of another key',
      { change: { sign: (input) => labSign(thief, input) } },
      'token-signature-invalid',
    ],
    ['T71 a token for another service', { audience: 'join.elsewhere.example' }, 'nonce-mismatch'],
    [
      'T71 the UEID of another key',
      { change: { claims: { ueid: toBase64Url(systemRandom(33)) } } },
      'token-ueid-mismatch',
    ],
    ['T71 an old token', { change: { claims: { iat: 1_700_000_000 } } }, 'token-time-refused'],
  ])('%s', async (_, options, denial) => {
    expect(told(await joinSigned(lab, options))).toBe('evidence-rejected');
    expect(await lastDenials(lab.store)).toEqual([denial]);
  });

  test('T71 a token that answered another challenge', async () => {
    const old = answerWithToken(lab, await challengeKey(lab));
    const fresh = answerWithToken(lab, await challengeKey(lab));
    expect(told(await submit(lab, { ...fresh, evidence: old.evidence, csr: old.csr }))).toBe('evidence-rejected');
    expect(await lastDenials(lab.store)).toEqual(['nonce-mismatch']);
  });

  test('T71 the honest token is accepted', async () => {
    expect(earned(await joinSigned(lab))).toMatch(/^[0-9a-f]{64}$/);
  });
});
