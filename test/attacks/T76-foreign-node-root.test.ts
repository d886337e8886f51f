import { describe, expect, test } from 'vitest';

import { followRoots } from '#agent/follow-roots.ts';
import { systemRandom } from '#core/random.ts';
import { createCrossCertificate } from '#pki/ca-certificates.ts';
import { LAB_NOW, labNodeCa } from '#test/lab/node-ca.ts';

const context = { now: LAB_NOW, random: systemRandom };

describe('T-76 somebody who speaks as the service offers nodes a root of their own', () => {
  test('T76 a root of the same name that no known root signed is not taken, whatever comes with it', async () => {
    const [own, foreign] = [await labNodeCa(), await labNodeCa()];
    const known = [own.root.certificate];
    const root = foreign.root.certificate;
    const oursByTheirs = await createCrossCertificate(own.root.certificate, foreign.root, context);
    for (const offered of [
      [root],
      [root, root],
      [...known, root],
      [root, oursByTheirs],
      [...known, root, oursByTheirs, own.issuing.certificate, foreign.issuing.certificate],
    ]) {
      expect(followRoots(known, offered, LAB_NOW)).toEqual(known);
    }
  });

  test('T76 a root that a known one signed is taken', async () => {
    const [own, next] = [await labNodeCa(), await labNodeCa()];
    const nextByOwn = await createCrossCertificate(next.root.certificate, own.root, context);
    const offered = [own.root.certificate, next.root.certificate, nextByOwn];
    expect(followRoots([own.root.certificate], offered, LAB_NOW)).toEqual([
      own.root.certificate,
      next.root.certificate,
    ]);
  });

  test('T76 a cross-certificate for one key vouches for no other', async () => {
    const [own, next, foreign] = [await labNodeCa(), await labNodeCa(), await labNodeCa()];
    const known = [own.root.certificate];
    const nextByOwn = await createCrossCertificate(next.root.certificate, own.root, context);
    const offered = [next.root.certificate, foreign.root.certificate, nextByOwn];
    expect(followRoots(known, offered, LAB_NOW)).toEqual([next.root.certificate]);
  });
});
