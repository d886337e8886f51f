import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';
import { z } from 'zod';

import { fromHex, toHex, utf8 } from '#core/bytes.ts';
import { sha256Hex } from '#core/digest.ts';
import { qualifyingData } from '#core/qualifying-data.ts';
import { challengeRequestSchema } from '#protocol/challenge.ts';
import { PROBLEMS } from '#protocol/problem.ts';

const page = readFileSync('docs/join-protocol.md', 'utf8');
const vectors = z
  .array(
    z.strictObject({
      name: z.string(),
      audience: z.string(),
      nonce: z.string(),
      nodeName: z.string(),
      spki: z.string(),
      audienceDigest: z.string(),
      nodeNameDigest: z.string(),
      spkiDigest: z.string(),
      qualifyingData: z.string(),
    }),
  )
  .parse(JSON.parse(readFileSync('test/vectors/join-protocol/qualifying-data.json', 'utf8')));

describe('the published vectors', () => {
  test.each(vectors)('qualifying data with $name', (vector) => {
    const { audience, nodeName } = vector;
    const [nonce, spki] = [fromHex(vector.nonce), fromHex(vector.spki)];
    expect(sha256Hex(utf8(audience))).toBe(vector.audienceDigest);
    expect(sha256Hex(utf8(nodeName))).toBe(vector.nodeNameDigest);
    expect(sha256Hex(spki)).toBe(vector.spkiDigest);
    expect(toHex(qualifyingData({ audience, nonce, nodeName, spki }))).toBe(vector.qualifyingData);
  });

  test('are on the page', () => {
    const hex = page.replaceAll(/\s/g, '');
    for (const { audience, nodeName, spki, qualifyingData: data } of vectors) {
      expect(hex).toContain(spki);
      expect(page).toContain(data);
      expect(page).toContain(`\`${audience}\``);
      expect(page).toContain(`\`${nodeName}\``);
    }
  });

  test('differ wherever one input does', () => {
    expect(new Set(vectors.map((vector) => vector.qualifyingData)).size).toBe(vectors.length);
  });

  test('are refused by the code for a nonce of another length', () => {
    const binding = { audience: 'muster', nonce: new Uint8Array(31), nodeName: 'worker-7', spki: new Uint8Array(1) };
    expect(() => qualifyingData(binding)).toThrow(RangeError);
  });
});

test('the page’s table of problems says what the service answers', () => {
  const rows = [...page.matchAll(/^\| `([a-z-]+)` \| (\d{3}) \| `([a-z-]+)` \|/gm)];
  expect(rows.length).toBeGreaterThan(8);
  for (const [, name = '', status, retry] of rows) {
    const problem = Object.entries(PROBLEMS).find(([known]) => known === name)?.[1];
    expect({ name, ...problem }).toMatchObject({ name, status: Number(status), retry });
  }
});

test('the page’s first example is a request of this version', () => {
  const example = /```json\n(\{ "nodeName"[\s\S]*?)```/.exec(page)?.[1] ?? '';
  const filled = example.replaceAll(/"<[A-Z_]+>"/g, '"AA"').replace(', "…issuers, optional"', '');
  expect(challengeRequestSchema.safeParse(JSON.parse(filled)).success).toBe(true);
});
