import { describe, expect, test } from 'vitest';

import { utf8 } from '#core/bytes.ts';
import { sha256Hex } from '#core/digest.ts';
import type { StepUpUse } from '#services/store/step-ups.ts';
import { afterNoon, labEvent, NOON } from '#test/lab/store-values.ts';

import type { Current } from './store.contract.ts';

/** Second factors: a challenge once, a counter forwards. */
export function stepUpContract(current: Current): void {
  const event = labEvent({ type: 'step-up.accepted' });
  const use = (name: string, override: Partial<StepUpUse> = {}) =>
    current().store.useStepUp(
      {
        challenge: sha256Hex(utf8(name)),
        expiresAt: afterNoon(120),
        forgetBefore: afterNoon(-600),
        credential: 'a-key',
        counter: 1,
        ...override,
      },
      event,
    );
  const events = async (): Promise<number> => (await current().store.readAudit(0, 100)).length;

  describe('of second factors,', () => {
    test('takes a challenge once, and records it once', async () => {
      expect(await use('one')).toBe('used');
      expect(await use('one', { counter: 2 })).toBe('spent');
      expect(await events()).toBe(1);
    });

    test('takes a challenge once of those who come at the same moment', async () => {
      const outcomes = await Promise.all([1, 2, 3, 4, 5].map((counter) => use('one', { counter })));
      expect(outcomes.filter((outcome) => outcome === 'used')).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome === 'spent')).toHaveLength(4);
      expect(await events()).toBe(1);
    });

    test.each<[string, number, number, string]>([
      ['a later counter', 7, 8, 'used'],
      ['the same counter', 7, 7, 'counter-back'],
      ['an earlier counter', 7, 6, 'counter-back'],
      ['no counter from a key that has one', 7, 0, 'counter-back'],
      ['no counter again from a key that has none', 0, 0, 'used'],
      ['a counter from a key that had none', 0, 1, 'used'],
      ['the last counter there is', 7, 4_294_967_295, 'used'],
    ])('answers %s', async (_, before, then, outcome) => {
      expect(await use('one', { counter: before })).toBe('used');
      expect(await use('two', { counter: then })).toBe(outcome);
    });

    test('has spent the challenge of a counter that goes back', async () => {
      await use('one', { counter: 7 });
      await use('two', { counter: 6 });
      expect(await use('two', { counter: 8 })).toBe('spent');
    });

    test('counts each key apart', async () => {
      await use('one', { counter: 7 });
      expect(await use('two', { credential: 'another-key' })).toBe('used');
    });

    test('forgets a challenge only when it expired before the time that is given', async () => {
      await use('one', { expiresAt: NOON });
      expect(await use('one', { forgetBefore: NOON, counter: 2 })).toBe('spent');
      expect(await use('one', { forgetBefore: afterNoon(1), counter: 2 })).toBe('used');
    });
  });
}
