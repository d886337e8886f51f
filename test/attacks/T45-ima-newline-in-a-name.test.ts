import { describe, expect, test } from 'vitest';

import { utf8 } from '#core/bytes.ts';
import { digest } from '#core/digest.ts';
import { imaNg } from '#test/lab/ima-log-builder.ts';
import { GOOD_LIST, hexOf, imaAppraisal, imaInput, imaVerdict } from '#test/lab/ima-list.ts';

// In the ASCII form of the list a name with a newline looks like two records, the second of which says whatever its maker wants.
describe('T45 a file whose name is a record of its own', () => {
  const name = `/tmp/x\n10 ${'00'.repeat(20)} ima-ng sha256:${hexOf('kubelet')} /usr/bin/kubelet`;
  const evil = imaNg(name, digest('sha256', utf8('evil')));

  test('without it, the list is accepted', () => {
    expect(imaAppraisal(GOOD_LIST)).toBe('accepted');
  });

  test('is one record, of a file that no policy knows', () => {
    const list = [...GOOD_LIST.slice(0, 2), evil];
    expect(imaVerdict(imaInput(list))).toBe('3 proven, 0 not');
    expect(imaAppraisal(list)).toEqual(['ima-file-refused']);
  });

  test('is no path that is excluded or listed', () => {
    const excluded = imaNg('/tmp/x\n/var/log/x', digest('sha256', utf8('evil')));
    expect(
      imaAppraisal([...GOOD_LIST, excluded], {
        measurementPolicy: { commandLineTokens: ['ima_policy=tcb'] },
        digests: [`sha256:${hexOf('shell')}`, `sha256:${hexOf('kubelet')}`],
        excludes: ['/var/log/'],
      }),
    ).toEqual(['ima-file-refused']);
  });

  test('the ASCII form itself is no list', () => {
    const ascii = utf8(`10 ${'00'.repeat(20)} ima-ng sha256:${hexOf('shell')} /bin/sh\n`);
    expect(imaVerdict(imaInput(GOOD_LIST, { log: ascii }))).toBe('ima-log-malformed');
  });
});
