import { beforeEach, describe, expect, test } from 'vitest';

import { DependencyError } from '#core/dependency-error.ts';
import { type SignerGate, signerGate } from '#services/join/signer-gate.ts';

let isAway: boolean;
let looks: number;
let nowMs: number;
let gate: SignerGate;
beforeEach(() => {
  isAway = false;
  looks = 0;
  nowMs = 0;
  const probe = async (): Promise<void> => {
    looks += 1;
    if (isAway) throw new DependencyError('signer', 'sealed');
  };
  gate = signerGate({ signer: { probe }, elapsedMs: () => nowMs });
});

const usable = (): Promise<boolean> =>
  gate.assertUsable().then(
    () => true,
    (error: unknown) => {
      if (error instanceof DependencyError) return false;
      throw error;
    },
  );

describe('what is known of the issuing key', () => {
  test('is nothing at first, and then nobody is asked', async () => {
    isAway = true;
    expect([await usable(), looks]).toEqual([true, 0]);
  });

  test('is what a look has found', async () => {
    isAway = true;
    await gate.look();
    expect([await usable(), looks]).toEqual([false, 1]);
  });

  test('is that it is away after a signature failed for it, until a look a second later finds it there', async () => {
    gate.failed(new DependencyError('signer', 'sealed'));
    expect([await usable(), looks]).toEqual([false, 0]);
    nowMs = 1_000;
    expect([await usable(), await usable(), looks]).toEqual([true, true, 1]);
  });

  test('costs one look a second, however many ask', async () => {
    isAway = true;
    gate.failed(new DependencyError('signer', 'sealed'));
    nowMs = 1_000;
    const found = await Promise.all(Array.from({ length: 100 }, usable));
    expect([new Set(found), looks, await usable(), looks]).toEqual([new Set([false]), 1, false, 1]);
    nowMs = 2_000;
    isAway = false;
    expect([await usable(), looks]).toEqual([true, 2]);
  });

  test.each([
    ['of the store', new DependencyError('store', 'down')],
    ['of our own', new Error('a bug')],
  ])('does not change by a fault %s', async (_, fault) => {
    gate.failed(fault);
    expect(await usable()).toBe(true);
  });
});
