import { describe, expect, test } from 'vitest';

import { concatBytes, fromHex } from '#core/bytes.ts';
import { imaLog, imaNg } from '#test/lab/ima-log-builder.ts';
import { GOOD_LIST, imaInput, imaVerdict, pcr10After, quotedIma } from '#test/lab/ima-list.ts';
import { vectorBytes, vectorJson } from '#test/lab/vectors.ts';

describe('T44 an IMA list that was changed', () => {
  const quotedPcrs = quotedIma(pcr10After(GOOD_LIST));
  const shown = (log: Uint8Array) => imaVerdict(imaInput(GOOD_LIST, { log, quotedPcrs }));
  const list = imaLog(GOOD_LIST);

  test('as it is, is proven', () => {
    expect(shown(list)).toBe('3 proven, 0 not');
  });

  test.each(GOOD_LIST.map((_, at) => at))('without record %d, is not', (at) => {
    expect(shown(imaLog(GOOD_LIST.toSpliced(at, 1)))).toBe('ima-pcr-mismatch');
  });

  test('in another order, with a record changed, or one inserted, is not', () => {
    expect(shown(imaLog(GOOD_LIST.toReversed()))).toBe('ima-pcr-mismatch');
    const other = imaNg('/bin/other', new Uint8Array(32));
    for (const at of [0, 1, 2]) {
      expect(shown(imaLog(GOOD_LIST.with(at, other)))).toBe('ima-pcr-mismatch');
      expect(shown(imaLog(GOOD_LIST.toSpliced(at, 0, other)))).toBe('ima-pcr-mismatch');
    }
  });

  // The template hash in the list proves nothing: it is computed anew.
  test('with any bit of its data flipped, is not', () => {
    let proven = 0;
    for (let at = 0; at < list.byteLength; at += 1) {
      const changed = Buffer.from(list);
      changed[at] = (changed[at] ?? 0) ^ 1;
      if (shown(changed) === '3 proven, 0 not') proven += 1;
    }
    expect(proven).toBe(GOOD_LIST.length * 20);
  });

  test('cut at any byte, is not', () => {
    for (let length = 0; length < list.byteLength; length += 1) {
      expect(['ima-log-malformed', 'ima-pcr-mismatch']).toContain(shown(list.subarray(0, length)));
    }
    expect(shown(concatBytes(list, Buffer.of(0)))).toBe('ima-log-malformed');
  });

  test.each([
    ['a name of 2^32−1 bytes', 24],
    ['template data of 2^32−1 bytes', 34],
    ['a field of 2^32−1 bytes', 38],
  ])('with %s, is malformed', (_what, at) => {
    const changed = Buffer.from(list);
    changed.set(fromHex('ffffffff'), at);
    expect(shown(changed)).toBe('ima-log-malformed');
  });

  test.each([
    ['ok.bin', '8 proven, 0 not'],
    ['tampered-entry.bin', 'ima-pcr-mismatch'],
    ['truncated-tail.bin', 'ima-log-malformed'],
    ['huge-name-len.bin', 'ima-log-malformed'],
  ])('the generated %s', (file, expected) => {
    const { pcr10, boot_aggregate_pcrs_0_9_sha256: pcrs } = vectorJson<{
      pcr10: Record<string, string>;
      boot_aggregate_pcrs_0_9_sha256: readonly string[];
    }>('generated-ima/expected.json');
    const quoted = new Map([
      ...pcrs.map((value, pcr): [number, string] => [pcr, value]),
      [10, pcr10['sha256'] ?? ''] as const,
    ]);
    const log = vectorBytes(`generated-ima/${file}`);
    expect(imaVerdict(imaInput([], { log, quotedPcrs: quoted }))).toBe(expected);
  });
});
