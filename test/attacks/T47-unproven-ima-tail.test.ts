import { describe, expect, test } from 'vitest';

import { utf8 } from '#core/bytes.ts';
import { digest } from '#core/digest.ts';
import { appraiseIma } from '#attestation/measured-boot/ima/appraise-ima.ts';
import { imaNg } from '#test/lab/ima-log-builder.ts';
import {
  GOOD_IMA_POLICY,
  GOOD_LIST,
  hexOf,
  imaInput,
  imaPolicy,
  imaVerdict,
  pcr10After,
  quotedIma,
  verifiedIma,
} from '#test/lab/ima-list.ts';
import { vectorBytes, vectorJson } from '#test/lab/vectors.ts';

// The kernel lists a record before it extends, so that the end of a list may be ahead of the quote; or be made up.
describe('T47 records that the quote does not cover', () => {
  const evil = imaNg('/bin/evil', digest('sha256', utf8('evil')));
  const quotedPcrs = quotedIma(pcr10After(GOOD_LIST));
  const now = verifiedIma(imaInput([...GOOD_LIST, evil], { quotedPcrs }));

  test('are not among the proven ones, and the policy does not see them', () => {
    expect([now.records.length, now.unproven]).toEqual([3, 1]);
    const policy = imaPolicy(GOOD_IMA_POLICY);
    const commandLines = ['ima_policy=tcb'];
    expect(appraiseIma({ ima: now, policy, commandLines, acceptedBefore: false }).denials).toEqual([]);
  });

  test('give no trust either: a policy file among them is not known', () => {
    const policy = imaPolicy({
      ...GOOD_IMA_POLICY,
      measurementPolicy: { files: { '/bin/evil': [`sha256:${hexOf('evil')}`] } },
    });
    const denials = appraiseIma({ ima: now, policy, commandLines: [], acceptedBefore: false }).denials;
    expect(denials.map(({ code }) => code)).toEqual(['ima-measurement-policy']);
  });

  const next = (records: readonly (typeof evil)[], firstRecord = 3) => {
    const whole = [...GOOD_LIST, ...records];
    const quoted = quotedIma(pcr10After(whole));
    return imaVerdict(
      imaInput(firstRecord === 0 ? whole : records, { firstRecord, previous: now.state, quotedPcrs: quoted }),
    );
  };

  test('have to be covered next time', () => {
    expect(next([evil])).toBe('1 proven, 0 not');
    expect(next([evil], 0)).toBe('4 proven, 0 not');
    for (const from of [0, 3]) {
      expect(next([], from)).toBe('ima-tail-not-covered');
      expect(next([imaNg('/bin/other', new Uint8Array(32))], from)).toBe('ima-tail-not-covered');
    }
  });

  test('as the generated list has one', () => {
    const { pcr10, boot_aggregate_pcrs_0_9_sha256: pcrs } = vectorJson<{
      pcr10: Record<string, string>;
      boot_aggregate_pcrs_0_9_sha256: readonly string[];
    }>('generated-ima/expected.json');
    const quoted = new Map([
      ...pcrs.map((value, pcr): [number, string] => [pcr, value]),
      [10, pcr10['sha256'] ?? ''] as const,
    ]);
    const log = vectorBytes('generated-ima/extra-tail-entry.bin');
    expect(imaVerdict(imaInput([], { log, quotedPcrs: quoted }))).toBe('8 proven, 1 not');
  });
});
