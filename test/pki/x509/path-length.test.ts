import { describe, expect, test } from 'vitest';

import { basicConstraints } from '#pki/x509/extension-writer.ts';

import { instead, told, verify } from './chain-lab.ts';
import { type Identity, intermediate, leaf, nameOf, type Otherwise, root } from './lab.ts';

const lengthOf = (length: number | 'unlimited'): Otherwise => ({
  extensions: instead('basicConstraints', basicConstraints(length)),
});

/** The verdict on a leaf below intermediates with these lengths, each under the one before it. */
function below(anchor: Identity, ...lengths: readonly (number | 'unlimited')[]) {
  let issuer = anchor;
  const path: Identity[] = [];
  for (const [at, length] of lengths.entries()) {
    issuer = intermediate(issuer, `Intermediate ${at}`, lengthOf(length));
    path.unshift(issuer);
  }
  return told(
    verify({
      leaf: leaf(issuer),
      intermediates: path.map(({ certificate }) => certificate),
      anchors: [anchor.certificate],
    }),
  );
}

describe('a path has no more intermediates than each of its issuers allows', () => {
  const ROOT = root();
  test.each<[readonly (number | 'unlimited')[], string]>([
    [[0], 'accepted'],
    [['unlimited', 0], 'accepted'],
    [[1, 0], 'accepted'],
    [[0, 'unlimited'], 'path-length-exceeded 1'],
    [[2, 'unlimited', 'unlimited'], 'accepted'],
    [[1, 'unlimited', 'unlimited'], 'path-length-exceeded 1'],
    [[1, 5, 5], 'path-length-exceeded 1'],
    [['unlimited', 0, 'unlimited'], 'path-length-exceeded 1'],
    [[5, 'unlimited', 'unlimited', 0], 'accepted'],
  ])('%j: %s', (lengths, expected) => {
    expect(below(ROOT, ...lengths)).toBe(expected);
  });

  test('an intermediate that its own name issued does not count', () => {
    const name = { subject: nameOf('Same') };
    const first = intermediate(ROOT, 'Same', { ...lengthOf(0), ...name });
    const second = intermediate(first, 'Same again', { ...lengthOf('unlimited'), ...name });
    const verdict = (otherwise: Identity) =>
      told(
        verify({
          leaf: leaf(otherwise),
          intermediates: [otherwise.certificate, first.certificate],
          anchors: [ROOT.certificate],
        }),
      );
    expect(verdict(second)).toBe('accepted');
    expect(verdict(intermediate(first, 'Another', lengthOf('unlimited')))).toBe('path-length-exceeded 1');
  });
});
