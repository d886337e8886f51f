import { describe, expect, test } from 'vitest';

import type { Callback, CallbackOutcome } from '#services/join/callback.ts';
import { auditTypes, HOME, join, joinLab, labJoinPolicy, lastDenials, told } from '#test/lab/join-lab.ts';
import { labTpm } from '#test/lab/software-tpm.ts';

const MISMATCH: CallbackOutcome = { ok: false, code: 'callback-key-mismatch', detail: 'another key' };

async function joinWith(outcome: CallbackOutcome, quotedElsewhere = false) {
  const tpm = labTpm();
  const calls: Callback[] = [];
  const policy = labJoinPolicy(tpm, { callback: { port: 7_446, timeout: '2s' } });
  const callBack = (call: Callback): Promise<CallbackOutcome> => {
    calls.push(call);
    return Promise.resolve(outcome);
  };
  const lab = await joinLab({ tpm, policy, override: { callBack } });
  const said = told(await join(lab, quotedElsewhere ? { audience: 'elsewhere' } : {}));
  return { lab, calls, said };
}

describe('T58 the callback is misused', () => {
  test('T58 an honest node is called back at its own address, and joins', async () => {
    const { calls, said } = await joinWith({ ok: true });
    expect(said).toBe('ok');
    expect(calls).toMatchObject([{ origin: HOME, port: 7_446, timeoutMs: 2_000 }]);
  });

  test('T58 another machine that answers earns no certificate', async () => {
    const { lab, said } = await joinWith(MISMATCH);
    expect(said).toBe('evidence-rejected');
    expect(await lastDenials(lab.store)).toEqual(['callback-key-mismatch']);
    expect(await auditTypes(lab.store)).toEqual(['join.refused']);
  });

  test('T58 nobody has the service call anywhere without evidence that was accepted', async () => {
    const { calls, said } = await joinWith({ ok: true }, true);
    expect(said).toBe('evidence-rejected');
    expect(calls).toEqual([]);
  });
});
