import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { labTpm } from '#test/lab/software-tpm.ts';
import {
  answerName,
  capturedJoin,
  challengeBodyOf,
  FIRST,
  postChallenge,
  postJoin,
  type TwoNodes,
  twoNodes,
} from '#test/lab/two-nodes.ts';

/** Names that a person, a DNS server or a careless comparison would take for `worker-7`. */
const ALIKE: readonly (readonly [string, string])[] = [
  ['in capitals', 'WORKER-7'],
  ['with one capital', 'Worker-7'],
  ['with a dot behind', 'worker-7.'],
  ['with two dots behind', 'worker-7..'],
  ['with a dot before', '.worker-7'],
  ['with a space behind', 'worker-7 '],
  ['with a space before', ' worker-7'],
  ['with a space that does not break', 'worker-7\u{a0}'],
  ['with a tab behind', 'worker-7\t'],
  ['with a line feed behind', 'worker-7\n'],
  ['with a NUL behind', 'worker-7\0'],
  ['with a NUL and more behind', 'worker-7\0.example'],
  ['with a full-width w', '\u{ff57}orker-7'],
  ['with a full-width 7', 'worker-\u{ff17}'],
  ['with a full-width dot', 'worker-7\u{ff0e}'],
  ['with an ideographic dot', 'worker-7\u{3002}'],
  ['with a Cyrillic o', 'w\u{43e}rker-7'],
  ['with a Greek omicron', 'w\u{3bf}rker-7'],
  ['with another hyphen', 'worker\u{2010}7'],
  ['with a minus sign', 'worker\u{2212}7'],
  ['with a soft hyphen', 'worker\u{ad}-7'],
  ['with a joiner of no width', 'worker\u{200d}-7'],
  ['with a space of no width', 'worker-7\u{200b}'],
  ['with a mark that turns the line round', '\u{202e}worker-7'],
  ['with a byte-order mark', '\u{feff}worker-7'],
  ['with an accent of its own', 'wo\u{301}rker-7'],
  ['with the long s that upper case loses', 'worker-7\u{17f}'],
  ['with the Kelvin sign, which lower case makes a k', 'wor\u{212a}er-7'],
  ['with the dotted I of Turkish', 'worker-\u{130}'],
  ['with an Arabic 7', 'worker-\u{667}'],
  ['percent-encoded', 'worker%2d7'],
  ['as a path', './worker-7'],
  ['with a port', 'worker-7:443'],
  ['with a user', 'x@worker-7'],
  ['with a comma and a second name', 'worker-7,worker-8'],
  ['with quotation marks', '"worker-7"'],
  ['with half a surrogate pair', 'worker-7\u{d800}'],
];

describe('A15 a node name that looks like another’s', () => {
  let scene: TwoNodes;

  beforeAll(async () => {
    scene = await twoNodes();
  });

  afterAll(() => scene[Symbol.asyncDispose]());

  test('A15 the name itself is the node’s', async () => {
    const { join } = await capturedJoin(scene.client, scene.first);
    expect(answerName(await postJoin(scene.client, join))).toBe('ok');
  });

  test.each(ALIKE)('A15 %s it is no name, to the node itself and to another', async (_, name) => {
    for (const tpm of [scene.first, scene.second]) {
      const body = { ...challengeBodyOf(tpm, FIRST), nodeName: name };
      expect(answerName(await postChallenge(scene.client, body))).toBe('malformed-request');
    }
  });

  test.each(ALIKE)('A15 %s nobody can be enrolled beside it', async (_, name) => {
    const admin = scene.running.admin(await scene.running.administrator());
    const body = { nodes: [{ name, pool: 'general', ekPublicHash: labTpm().ekFingerprint }] };
    const answer = await admin.send({ method: 'POST', path: '/v1/enrolments', body });
    expect(answer).toMatchObject({ status: 400, problem: 'malformed-request' });
    const names = (await scene.running.store.listNodes({}, { limit: 100 })).map((node) => node.name);
    expect(names.toSorted()).toEqual(['worker-7', 'worker-8']);
  });
});
