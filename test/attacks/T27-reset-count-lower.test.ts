import { describe, expect, test } from 'vitest';

import { fromHex } from '#core/bytes.ts';
import type { BootEpoch } from '#core/node-record.ts';
import { isDenial } from '#attestation/denial.ts';
import { verifyQuote } from '#attestation/tpm2/verify-quote.ts';
import { parseAttest } from '#tpm2/attest.ts';
import { appraisal, claimsOf, labAppraisal, labRecord } from '#test/lab/tpm-appraisal.ts';
import { LAB_NOW } from '#test/lab/tpm-certificates.ts';
import { labJoin, labNode } from '#test/lab/tpm-evidence.ts';
import { type QuoteVector, vectorAk } from '#test/lab/tpm-quote-vectors.ts';
import { vectorJson } from '#test/lab/vectors.ts';

describe('T27 a TPM whose counters went back', () => {
  // Two quotes, then a TPM Resume, a TPM Reset and a power loss, each quoted once by one AK of a real TPM.
  const epochs = vectorJson<readonly QuoteVector[]>('generated-swtpm/clockinfo-sequence.json').map(epochOf);
  const node = labNode();
  const claims = claimsOf(labJoin(node));
  const outcome = (last: BootEpoch | undefined, current: BootEpoch | undefined) => {
    if (last === undefined || current === undefined) throw new RangeError('no such quote');
    const record = labRecord(node, { state: 'joined', lastJoinAt: LAB_NOW, bootEpoch: last });
    return appraisal(labAppraisal(node, { ...claims, bootEpoch: current }, { node: record }));
  };

  test('every quote of the sequence is accepted after the one before it', () => {
    for (let n = 1; n < epochs.length; n += 1) expect(outcome(epochs[n - 1], epochs[n])).toBe('affirming');
  });

  test('no quote of the sequence is accepted after itself or a later one', () => {
    for (let n = 0; n < epochs.length; n += 1) {
      for (let m = n; m < epochs.length; m += 1)
        expect(outcome(epochs[m], epochs[n])).toEqual(['boot-epoch-rolled-back']);
    }
  });

  const at = (resetCount: number, restartCount: number, clockMs: bigint): BootEpoch => ({
    resetCount,
    restartCount,
    clockMs,
  });
  test.each([
    ['the clock of one epoch advances', at(7, 2, 100n), at(7, 2, 101n), 'affirming'],
    ['the clock stands', at(7, 2, 100n), at(7, 2, 100n), ['boot-epoch-rolled-back']],
    ['the clock goes back', at(7, 2, 100n), at(7, 2, 99n), ['boot-epoch-rolled-back']],
    ['a resume, with the clock back', at(7, 2, 100n), at(7, 3, 1n), 'affirming'],
    ['a reset, with restarts and clock back', at(7, 2, 100n), at(8, 0, 1n), 'affirming'],
    ['fewer restarts', at(7, 2, 100n), at(7, 1, 200n), ['boot-epoch-rolled-back']],
    ['fewer resets, more restarts', at(7, 2, 100n), at(6, 9, 200n), ['boot-epoch-rolled-back']],
  ])('%s', (_, last, current, expected) => {
    expect(outcome(last, current)).toEqual(expected);
  });
});

function epochOf(vector: QuoteVector): BootEpoch {
  const quoted = fromHex(vector.attest);
  const attest = parseAttest(quoted);
  if (attest.type !== 'quote') throw new TypeError('not a quote');
  const verified = verifyQuote({
    ak: vectorAk(vector),
    quoted,
    signature: fromHex(vector.signature),
    qualifyingData: fromHex(vector.nonce),
    bank: 'sha256',
    pcrs: [0, 7, 16],
    claimedPcrs: { sha256: { 0: '00'.repeat(32), 7: '00'.repeat(32), 16: '00'.repeat(32) } },
  });
  if (isDenial(verified)) throw new Error(JSON.stringify(verified));
  return verified.bootEpoch;
}
