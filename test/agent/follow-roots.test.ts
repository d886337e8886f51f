import { beforeAll, describe, expect, test } from 'vitest';

import { followRoots } from '#agent/follow-roots.ts';
import { systemRandom } from '#core/random.ts';
import { createCrossCertificate } from '#pki/ca-certificates.ts';
import type { Certificate } from '#pki/x509/certificate.ts';
import { LAB_NOW, labNodeCa, type NodeCa } from '#test/lab/node-ca.ts';

const context = { now: LAB_NOW, random: systemRandom };
let [first, second, third, stranger]: NodeCa[] = [];
let crosses: Readonly<Record<'secondByFirst' | 'thirdBySecond' | 'strangerByItself' | 'secondByStranger', Certificate>>;

const ca = (one: NodeCa | undefined): NodeCa => {
  if (one === undefined) throw new Error('made before the tests');
  return one;
};
const rootOf = (one: NodeCa | undefined): Certificate => ca(one).root.certificate;
const cross = (root: NodeCa | undefined, by: NodeCa | undefined) =>
  createCrossCertificate(rootOf(root), ca(by).root, context);

beforeAll(async () => {
  [first, second, third, stranger] = [
    await labNodeCa({ rootDays: 1_000 }),
    await labNodeCa(),
    await labNodeCa(),
    await labNodeCa(),
  ];
  crosses = {
    secondByFirst: await cross(second, first),
    thirdBySecond: await cross(third, second),
    strangerByItself: rootOf(stranger),
    secondByStranger: await cross(second, stranger),
  };
});

const later = (days: number): Date => new Date(LAB_NOW.getTime() + days * 86_400_000);

describe('an agent that follows node roots', () => {
  test('takes what the service names when it knows none, and no issuing or cross-certificate for a root', () => {
    const offered = [rootOf(first), rootOf(second), crosses.secondByFirst, ca(first).issuing.certificate];
    expect(followRoots([], offered, LAB_NOW)).toEqual([rootOf(first), rootOf(second)]);
  });

  test('takes a root that one it knows has signed, and one that that one has signed', () => {
    const offered = [rootOf(first), rootOf(second), rootOf(third), crosses.secondByFirst, crosses.thirdBySecond];
    expect(followRoots([rootOf(first)], offered, LAB_NOW)).toEqual([rootOf(first), rootOf(second), rootOf(third)]);
  });

  test('follows after the old root is offered no longer, and then trusts it no longer', () => {
    expect(followRoots([rootOf(first)], [rootOf(second), crosses.secondByFirst], LAB_NOW)).toEqual([rootOf(second)]);
  });

  test('takes no root that nobody it knows has signed', () => {
    const offered = [rootOf(first), rootOf(second), rootOf(stranger), crosses.secondByStranger];
    expect(followRoots([rootOf(first)], offered, LAB_NOW)).toEqual([rootOf(first)]);
  });

  test('keeps to what it knows when nothing of it leads to what is offered', () => {
    const trusted = [rootOf(first)];
    expect(followRoots(trusted, [rootOf(stranger)], LAB_NOW)).toBe(trusted);
    expect(followRoots(trusted, [], LAB_NOW)).toBe(trusted);
  });

  test('does not take the word of a root that has ended', () => {
    const trusted = [rootOf(first)];
    expect(followRoots(trusted, [rootOf(second), crosses.secondByFirst], later(1_001))).toBe(trusted);
  });
});
