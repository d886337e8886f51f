import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { systemRandom } from '#core/random.ts';
import { buildCsr } from '#pki/x509/build-csr.ts';
import { challengeResponseSchema } from '#protocol/challenge.ts';
import { type AnswerOptions, answerOf } from '#test/lab/join-lab.ts';
import { labKey } from '#test/lab/node-ca.ts';
import { type JsonPath, valueAt, withValue } from '#test/lab/json-paths.ts';
import type { LabTpm } from '#test/lab/software-tpm.ts';
import {
  answerName,
  capturedJoin,
  challengeBodyOf,
  FIRST,
  issuedCount,
  postChallenge,
  postJoin,
  recordedDenials,
  SECOND,
  type TwoNodes,
  twoNodes,
} from '#test/lab/two-nodes.ts';
import { joinBody } from '#test/lab/wire.ts';

describe('A09 a join in which one part is another genuine node’s', () => {
  let scene: TwoNodes;

  beforeAll(async () => {
    scene = await twoNodes();
  });

  afterAll(() => scene[Symbol.asyncDispose]());

  /** A challenge to what `body` shows, answered by `tpm` as well as it can; the problem, and the denials that it left. */
  const joinAfter = async (body: object, tpm: LabTpm, options: AnswerOptions = {}): Promise<readonly string[]> => {
    const before = (await recordedDenials(scene.running)).length;
    const asked = await postChallenge(scene.client, body);
    if (asked.status !== 201) return [answerName(asked), ...(await recordedDenials(scene.running)).slice(before)];
    const challenge = challengeResponseSchema.parse(asked.json);
    const told = answerName(await postJoin(scene.client, joinBody(answerOf(challenge, helpless(tpm), options))));
    return [told, ...(await recordedDenials(scene.running)).slice(before)];
  };

  test('A09 a join that is one node’s in every part is answered', async () => {
    expect(await joinAfter(challengeBodyOf(scene.first, FIRST), scene.first)).toEqual(['ok']);
    expect(await joinAfter(challengeBodyOf(scene.second, SECOND), scene.second, { name: SECOND })).toEqual(['ok']);
  });

  test.each<[string, JsonPath, readonly string[]]>([
    ['EK', ['attester', 'ekPublic'], ['evidence-rejected', 'activation-failed']],
    ['AK', ['attester', 'akPublic'], ['evidence-rejected', 'activation-failed']],
    ['name', ['nodeName'], ['evidence-rejected', 'nonce-mismatch']],
  ])('A09 with the other’s %s in the challenge it is refused', async (_, path, expected) => {
    const other = challengeBodyOf(scene.second, SECOND);
    const body = withValue(challengeBodyOf(scene.first, FIRST), path, valueAt(other, path));
    expect(await joinAfter(Object(body), scene.first)).toEqual(expected);
  });

  test('A09 with the other’s name in the challenge and in the quote it is refused', async () => {
    const body = challengeBodyOf(scene.first, SECOND);
    expect(await joinAfter(body, scene.first, { name: SECOND })).toEqual(['evidence-rejected', 'node-name-mismatch']);
  });

  test.each([
    ['EK certificate', 'ekCertificates'],
    ['EK and AK', 'akPublic'],
  ])('A09 with the other’s %s in the challenge, and the EK, it is refused', async (_, member) => {
    const honest = challengeBodyOf(scene.first, FIRST);
    const other = challengeBodyOf(scene.second, SECOND);
    const attester = {
      ...honest.attester,
      ekPublic: valueAt(other, ['attester', 'ekPublic']),
      [member]: valueAt(other, ['attester', member]),
    };
    expect((await joinAfter({ ...honest, attester }, scene.first))[0]).toBe('evidence-rejected');
  });

  test.each<[string, JsonPath, readonly string[]]>([
    ['quote', ['evidence', 'quoted'], ['evidence-rejected']],
    ['signature', ['evidence', 'signature'], ['evidence-rejected']],
    ['activation secret', ['evidence', 'activationSecret'], ['evidence-rejected']],
    ['CSR', ['csr'], ['evidence-rejected']],
    ['nonce and all that the ticket seals', ['ticket'], ['evidence-rejected']],
    ['evidence, all of it', ['evidence'], ['evidence-rejected']],
  ])('A09 with the other’s %s in the join it is refused', async (_, path, expected) => {
    const before = await issuedCount(scene.running);
    const mine = (await capturedJoin(scene.client, scene.first)).join;
    const other = (await capturedJoin(scene.client, scene.second, { name: SECOND })).join;
    const told = answerName(await postJoin(scene.client, Object(withValue(mine, path, valueAt(other, path)))));
    expect([told]).toEqual(expected);
    expect(await issuedCount(scene.running)).toBe(before);
  });

  test('A09 with a key in the CSR that the TPM did not quote it is refused, signed by its holder or not', async () => {
    for (const csr of [buildCsr(labKey()), buildCsr(labKey(), `system:node:${FIRST}`)]) {
      const { join } = await capturedJoin(scene.client, scene.first, { csr });
      expect(answerName(await postJoin(scene.client, join))).toBe('evidence-rejected');
    }
  });
});

/** A TPM that cannot open a credential made for another gives its holder nothing better than a guess. */
function helpless(tpm: LabTpm): LabTpm {
  return new Proxy(tpm, {
    get: (target, property) => {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        try {
          return Reflect.apply(value, target, args);
        } catch (error) {
          if (property === 'activateCredential') return systemRandom(32);
          throw error;
        }
      };
    },
  });
}
