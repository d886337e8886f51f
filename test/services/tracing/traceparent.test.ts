import { describe, expect, test } from 'vitest';

import { parseTraceparent } from '#services/tracing/traceparent.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

describe('a traceparent header', () => {
  test('names a trace and a span, whatever its flags say', () => {
    for (const flags of ['00', '01', 'ff']) {
      expect(parseTraceparent(`00-${TRACE}-${SPAN}-${flags}`)).toEqual({ traceId: TRACE, spanId: SPAN });
    }
  });

  test.each([
    ['is not there', undefined],
    ['is empty', ''],
    ['is of another version', `01-${TRACE}-${SPAN}-01`],
    ['is of no version', `ff-${TRACE}-${SPAN}-01`],
    ['has more than a version has', `00-${TRACE}-${SPAN}-01-00`],
    ['has a trace of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['has a span of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['is in upper case', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['has a digit that is none', `00-${TRACE.replace('a', 'g')}-${SPAN}-01`],
    ['is short of a digit', `00-${TRACE.slice(1)}-${SPAN}-01`],
    ['has other separators', `00_${TRACE}_${SPAN}_01`],
    ['stands in white space', ` 00-${TRACE}-${SPAN}-0`],
    ['ends in a line feed', `00-${TRACE}-${SPAN}-0\n`],
    ['was sent twice', `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`],
    ['is very long', `00-${TRACE}-${SPAN}-01${'0'.repeat(8_000)}`],
  ])('names nothing where it %s', (_, header) => {
    expect(parseTraceparent(header)).toBeUndefined();
  });
});
