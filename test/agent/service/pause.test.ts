import { describe, expect, test } from 'vitest';

import { wakefulPause } from '#agent/service/pause.ts';
import { virtualTime } from '#test/fakes/virtual-time.ts';

const HOUR = 3_600_000;

function start(ms: number) {
  const time = virtualTime(new Date(Date.UTC(2026, 10, 21)));
  const stop = new AbortController();
  let alive = 0;
  let isOver = false;
  const pause = wakefulPause({ ...time, alive: () => void (alive += 1) });
  void pause(ms, stop.signal).then(() => (isOver = true));
  return { time, stop, isOver: () => isOver, alive: () => alive };
}

describe('a wait', () => {
  test('lasts as long as it should', async () => {
    const { time, isOver } = start(HOUR);
    await time.pass(HOUR - 1);
    expect(isOver()).toBe(false);
    await time.pass(1);
    expect(isOver()).toBe(true);
  });

  test('is over ten seconds after a machine that slept wakes up', async () => {
    const { time, isOver } = start(8 * HOUR);
    await time.pass(HOUR);
    time.suspend(20 * HOUR);
    await time.pass(10_000);
    expect(isOver()).toBe(true);
  });

  test('goes on where the machine slept for less', async () => {
    const { time, isOver } = start(8 * HOUR);
    time.suspend(6 * HOUR);
    await time.pass(2 * HOUR - 10_000);
    expect(isOver()).toBe(false);
    await time.pass(10_000);
    expect(isOver()).toBe(true);
  });

  test('does not last longer when the clock is set back', async () => {
    const { time, isOver } = start(HOUR);
    time.setClock(-1_000 * HOUR);
    await time.pass(HOUR);
    expect(isOver()).toBe(true);
  });

  test('is over at once when it is told to be', async () => {
    const { time, stop, isOver } = start(HOUR);
    await time.pass(5_000);
    stop.abort();
    await time.pass(0);
    expect(isOver()).toBe(true);
  });

  test('shows that it is alive every ten seconds', async () => {
    const { time, alive } = start(HOUR);
    await time.pass(60_000);
    expect(alive()).toBe(7);
  });
});
