import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type JsonPath, leavesOf, valueAt, withValue } from '#test/lab/json-paths.ts';
import {
  answerName,
  capturedJoin,
  FIRST,
  issuedCount,
  postJoin,
  type TwoNodes,
  twoNodes,
} from '#test/lab/two-nodes.ts';

describe('A01 evidence in two copies, one signed and one not', () => {
  let scene: TwoNodes;

  beforeAll(async () => {
    scene = await twoNodes();
  });

  afterAll(() => scene[Symbol.asyncDispose]());

  const genuine = async (): Promise<object> => (await capturedJoin(scene.client, scene.first)).join;

  test('A01 a join with one copy, all of it signed, is answered', async () => {
    expect(answerName(await postJoin(scene.client, await genuine()))).toBe('ok');
  });

  // The other join is genuine too, by the same node: signed, but for another challenge and another key.
  test('A01 with any field from the other copy, both ways round, it is refused', async () => {
    const before = await issuedCount(scene.running);
    const paths = leavesOf(await genuine()).filter((path) => path.at(-1) !== 'kind' && !path.includes('pcrs'));
    expect(paths.map((path) => path.join('.'))).toEqual([
      'ticket',
      'csr',
      'evidence.activationSecret',
      'evidence.quoted',
      'evidence.signature',
    ]);
    for (const path of paths) {
      const [signed, other] = [await genuine(), await genuine()];
      const told = await Promise.all([
        postJoin(scene.client, swapped(signed, other, path)),
        postJoin(scene.client, swapped(other, signed, path)),
      ]);
      expect([path.join('.'), ...told.map(answerName)]).not.toContain('ok');
    }
    expect(await issuedCount(scene.running)).toBe(before);
  });

  test('A01 with PCR values beside the quote that are not the quoted ones, it is refused', async () => {
    const join = await genuine();
    const path = ['evidence', 'pcrs', 'sha256', '7'];
    expect(String(valueAt(join, path))).toHaveLength(64);
    const changed = withValue(join, path, 'ab'.repeat(32));
    expect(answerName(await postJoin(scene.client, Object(changed)))).toBe('evidence-rejected');
  });

  test.each(['ticket', 'csr', 'evidence'])(
    'A01 with two members %s, in either order, it is refused unread',
    async (name) => {
      const [signed, other] = [await genuine(), await genuine()];
      const text = JSON.stringify(signed);
      const extra = `${JSON.stringify(name)}:${JSON.stringify(valueAt(other, [name]))}`;
      const bodies = [`{${extra},${text.slice(1)}`, `${text.slice(0, -1)},${extra}}`];
      for (const body of bodies) expect(answerName(await postJoin(scene.client, body))).toBe('malformed-request');
      // It was not looked at: the ticket is still good.
      expect(answerName(await postJoin(scene.client, signed))).toBe('ok');
    },
  );

  test.each(['ekPublic', 'akPublic', 'ekCertificates', 'nonce', 'nodeName'])(
    'A01 with a second copy of the challenge’s %s it is refused',
    async (name) => {
      const join = await genuine();
      const { attester } = (await capturedJoin(scene.client, scene.second, { name: 'worker-8' })).challenge;
      const copy = valueAt(attester, [name]) ?? FIRST;
      const inside = withValue(join, ['evidence', name], copy);
      for (const body of [{ ...join, [name]: copy }, Object(inside)]) {
        expect(answerName(await postJoin(scene.client, body))).toBe('malformed-request');
      }
    },
  );

  test('A01 an unsigned copy of the evidence’s kind is not believed over the signed one', async () => {
    const join = await genuine();
    const body = Object(withValue(join, ['evidence'], { kind: 'signed-measurements', token: 'a.b.c' }));
    expect(answerName(await postJoin(scene.client, body))).toBe('evidence-rejected');
  });
});

const swapped = (into: object, from: object, path: JsonPath): object =>
  Object(withValue(into, path, valueAt(from, path)));
