import { describe, expect, test } from 'vitest';

import { createProfile, leafValidity } from '#pki/profile.ts';

const day = createProfile({ name: 'kubelet-client', maxTtlSeconds: 86_400 });
const now = new Date('2026-11-21T10:00:00.999Z');

describe('a profile', () => {
  test.for([900, 901, 28_800, 86_400])('takes a longest lifetime of %d s', (maxTtlSeconds) => {
    expect(createProfile({ name: 'kubelet-client', maxTtlSeconds }).maxTtlSeconds).toBe(maxTtlSeconds);
  });

  test.for([899, 86_401, 0, -900, 900.5, Number.NaN, Number.POSITIVE_INFINITY])(
    'refuses one of %d s',
    (maxTtlSeconds) => {
      expect(() => createProfile({ name: 'kubelet-client', maxTtlSeconds })).toThrow(RangeError);
    },
  );
});

describe('the validity of a leaf', () => {
  test('begins five minutes before the second of issue, in whole seconds', () => {
    expect(leafValidity(day, 28_800, now).notBefore).toEqual(new Date('2026-11-21T09:55:00Z'));
  });

  test.for([900, 28_800, 86_400])('lasts %d s, the last second and the backdate counted', (ttl) => {
    const { notBefore, notAfter } = leafValidity(day, ttl, now);
    expect((notAfter.getTime() - notBefore.getTime()) / 1_000 + 1).toBe(ttl);
  });

  test.for([899, 86_401, 900.5, Number.NaN])('is refused for %d s', (ttl) => {
    expect(() => leafValidity(day, ttl, now)).toThrow(RangeError);
  });

  test('is refused beyond the profile’s own longest lifetime', () => {
    const hour = createProfile({ name: 'kubelet-client', maxTtlSeconds: 3_600 });
    expect(() => leafValidity(hour, 3_601, now)).toThrow(RangeError);
    expect(leafValidity(hour, 3_600, now).notAfter).toEqual(new Date('2026-11-21T10:54:59Z'));
  });
});
