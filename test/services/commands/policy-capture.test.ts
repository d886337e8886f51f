import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';

import { appraiseBoot } from '#attestation/measured-boot/appraise-boot.ts';
import { bootFacts } from '#attestation/measured-boot/boot-facts.ts';
import { recordBoot } from '#attestation/measured-boot/boot-record.ts';
import { imaPolicySchema } from '#protocol/ima-policy.ts';
import type { RecordedJoin } from '#protocol/joins.ts';
import { measuredBootPolicySchema } from '#protocol/measured-boot-policy.ts';
import { capturePolicy, type PolicyCaptureOptions } from '#services/commands/policy-capture.ts';
import { GOOD_BOOT, quotedAfter, verifiedBoot } from '#test/lab/boot-log.ts';
import { eventLog } from '#test/lab/event-log-builder.ts';
import { bufferRecord, GOOD_LIST, imaAppraisal, pcr10After, violation } from '#test/lab/ima-list.ts';
import { imaLog } from '#test/lab/ima-log-builder.ts';

import { recorder } from './recorder.ts';

const LIST = [...GOOD_LIST, bufferRecord('.ima', Buffer.from('key')), violation('/var/log/x')];
const facts = bootFacts(verifiedBoot(GOOD_BOOT));
const quoted = new Map([...quotedAfter(GOOD_BOOT), [10, pcr10After(LIST)] as const]);
const pcrs = Object.fromEntries([...quoted].filter(([pcr]) => pcr < 15).map(([pcr, value]) => [String(pcr), value]));
const recorded: RecordedJoin = {
  requestId: '00000000-0000-4000-8000-000000000001',
  at: '2026-11-21T10:00:00.000Z',
  outcome: 'refused',
  nodeName: 'worker-7',
  denials: [],
  evidence: { ekFingerprint: 'ab'.repeat(32), bank: 'sha256', pcrs },
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'muster-capture-'));
  writeFileSync(join(folder, 'event.log'), eventLog(GOOD_BOOT, ['sha256', 'sha384']));
  writeFileSync(join(folder, 'ima.log'), imaLog(LIST));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function capture(of: RecordedJoin, options: PolicyCaptureOptions): Promise<string> {
  const person = recorder(folder);
  await capturePolicy(of, options, person);
  return person.said.out;
}

const BOTH = { eventLog: 'event.log', imaLog: 'ima.log' };

describe('muster policy capture', () => {
  test('writes demands that the machine’s own boot and files meet', async () => {
    const text = await capture(recorded, BOTH);
    const { boot, ima }: { boot: unknown; ima: object } = parse(text);
    expect(appraiseBoot(facts, measuredBootPolicySchema.parse(boot)).denials).toEqual([]);
    expect(imaPolicySchema.parse(ima).measurementPolicy.commandLineTokens).toEqual(['ima_policy=tcb']);
    expect(imaAppraisal(LIST.slice(0, -1), { ...imaPolicySchema.parse(ima) })).toBe('accepted');
    expect(text).toContain('# "/var/log/x"');
  });

  test('takes the boot from the record where no log is given', async () => {
    const { evidence } = recorded;
    if (evidence === undefined) throw new Error('the lab has evidence');
    const text = await capture({ ...recorded, evidence: { ...evidence, boot: recordBoot(facts) } }, {});
    expect(Object.keys(parse(text))).toEqual(['boot']);
  });

  test.each<[string, RecordedJoin, PolicyCaptureOptions, string]>([
    ['nothing on record and no log', recorded, {}, 'no facts of the boot'],
    ['a join whose evidence did not verify', { ...recorded, evidence: undefined }, BOTH, 'no evidence'],
    ['another machine’s event log', recorded, { eventLog: 'other.log' }, 'event-log-replay-mismatch'],
    ['another machine’s IMA list', recorded, { imaLog: 'other.ima' }, 'ima-pcr-mismatch'],
    ['a file that is not there', recorded, { eventLog: 'none' }, 'ENOENT'],
    ['a file that is there', recorded, { ...BOTH, out: 'ima.log' }, 'EEXIST'],
  ])('refuses %s', async (_, of, options, why) => {
    writeFileSync(join(folder, 'other.log'), eventLog(GOOD_BOOT.slice(0, -1), ['sha256', 'sha384']));
    writeFileSync(join(folder, 'other.ima'), imaLog(GOOD_LIST.slice(0, 2)));
    await expect(capture(of, options)).rejects.toThrow(why);
  });

  test('writes a new file', async () => {
    expect(await capture(recorded, { ...BOTH, out: 'demands.yaml' })).toBe('');
    expect(readFileSync(join(folder, 'demands.yaml'), 'utf8')).toMatch(/^# What worker-7 proved in join /);
  });
});
