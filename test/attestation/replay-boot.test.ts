import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { type BootFacts, bootFacts } from '#attestation/measured-boot/boot-facts.ts';
import { recordBoot, recordedBootFacts } from '#attestation/measured-boot/boot-record.ts';
import { verifyEventLog } from '#attestation/measured-boot/verify-event-log.ts';
import { explainJoin } from '#attestation/explain-join.ts';
import { replayJoin } from '#attestation/replay-join.ts';
import type { Policy } from '#attestation/evidence-policy.ts';
import { imaPolicySchema } from '#protocol/ima-policy.ts';
import { type RecordedJoin, recordedEvidenceSchema } from '#protocol/joins.ts';
import { type BootRecord, bootRecordSchema } from '#protocol/recorded-boot.ts';
import { evidenceFacts } from '#services/audit/evidence-facts.ts';
import { GOOD_BOOT, LOG_PCRS, verifiedBoot } from '#test/lab/boot-log.ts';
import { GOOD_POLICY } from '#test/lab/boot-policy.ts';
import { GOOD_IMA_POLICY } from '#test/lab/ima-list.ts';
import { claimsOf, labPolicy, labReferenceValues } from '#test/lab/tpm-appraisal.ts';
import { LAB_NOW } from '#test/lab/tpm-certificates.ts';
import { LAB_NODE, labJoin, labNode } from '#test/lab/tpm-evidence.ts';

const facts = bootFacts(verifiedBoot(GOOD_BOOT));
/** As the audit log keeps it and the wire carries it. */
const overTheWire = (boot: BootFacts): BootRecord =>
  bootRecordSchema.parse(JSON.parse(JSON.stringify(recordBoot(boot))));

function realBoot(name: string): BootFacts {
  const at = (file: string) => readFileSync(join(import.meta.dirname, '../vectors/ovmf-debian12', file));
  const { sha256 }: { sha256: Record<string, string> } = JSON.parse(at(`${name}.pcrs.json`).toString('utf8'));
  const quotedPcrs = new Map(Object.entries(sha256).map(([pcr, value]): [number, string] => [Number(pcr), value]));
  const policyPcrs = LOG_PCRS.filter((pcr) => pcr < 10);
  const outcome = verifyEventLog({ log: at(`${name}.evl`), bank: 'sha256', policyPcrs, quotedPcrs });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.denials));
  return bootFacts(outcome.log);
}

describe('a boot on record', () => {
  test.each([
    ['the lab’s', facts],
    ['a real machine’s', realBoot('good')],
    ['one whose facts are not proven', { ...facts, secureBoot: undefined, mok: undefined, grub: undefined }],
  ])('is the boot again: %s', (_, boot) => {
    expect(recordedBootFacts(overTheWire(boot))).toEqual({ ...boot, disks: undefined });
  });

  test('is left out where it is long, with its size', () => {
    const commands = Array.from({ length: 2_000 }, (_, at) => `set variable_${at}=${'x'.repeat(40)}`);
    const record = overTheWire({ ...facts, grub: { commands, commandLines: [] } });
    expect(record).toMatchObject({ omittedBytes: expect.any(Number), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(recordedBootFacts(record)).toBeUndefined();
    expect(JSON.stringify(recordBoot(facts)).length).toBeLessThan(8_192);
  });
});

const node = labNode();
const PCRS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 14];
const evidence = recordedEvidenceSchema.parse({
  ...JSON.parse(JSON.stringify(evidenceFacts({ ...claimsOf(labJoin(node, {}, { pcrs: PCRS })), boot: facts }))),
});

function policyWith(boot: object | undefined, tpm2: object = {}): Policy {
  const values = labReferenceValues(node);
  const { 8: _, ...known } = values.pcrs;
  return labPolicy(node, {
    tpm2: { pcrs: PCRS, referencePcrs: [0, 1, 2, 3, 4, 5, 6, 7], boot, ...tpm2 },
    referenceValues: [{ ...values, pcrs: known }],
  });
}

const good = policyWith(GOOD_POLICY);
const otherLine = policyWith({ ...GOOD_POLICY, commandLines: { exact: ['/vmlinuz quiet'] } });
const issued: RecordedJoin = {
  requestId: '00000000-0000-4000-8000-000000000001',
  at: LAB_NOW.toISOString(),
  outcome: 'issued',
  nodeName: LAB_NODE,
  pool: 'general',
  policyVersion: good.version,
  referenceValues: 'image-1',
  denials: [],
  evidence,
};
const refusedThen: Pick<RecordedJoin, 'outcome' | 'denials'> = {
  outcome: 'refused',
  denials: [{ code: 'command-line-refused', detail: 'command-line' }],
};
const ima = policyWith(GOOD_POLICY, { pcrs: [...PCRS, 10], ima: GOOD_IMA_POLICY });
const quotedIma = recordedEvidenceSchema.parse({
  ...JSON.parse(
    JSON.stringify(evidenceFacts({ ...claimsOf(labJoin(node, {}, { pcrs: [...PCRS, 10] })), boot: facts })),
  ),
});

describe('a policy tried on a recorded boot', () => {
  test.each<[string, Partial<RecordedJoin>, Policy, string, readonly string[]]>([
    ['the same demands', {}, good, 'admitted', []],
    ['another command line', {}, otherLine, 'refused', ['command-line-refused']],
    ['a refusal then that the policy would not repeat', refusedThen, good, 'admitted', []],
    ['no facts on record', { evidence: { ...evidence, boot: undefined } }, good, 'unknown', []],
    [
      'facts that were too long',
      { evidence: { ...evidence, boot: { omittedBytes: 1, sha256: '' } } },
      good,
      'unknown',
      [],
    ],
    [
      'a refusal then, and no facts',
      { ...refusedThen, evidence: { ...evidence, boot: undefined } },
      good,
      'refused',
      ['command-line-refused'],
    ],
    ['an IMA list that another policy judged', { evidence: quotedIma }, ima, 'unknown', []],
    ['an IMA list that this policy judged', { evidence: quotedIma, policyVersion: ima.version }, ima, 'admitted', []],
    [
      'a file that another policy refused',
      { evidence: quotedIma, outcome: 'refused', denials: [{ code: 'ima-file-refused' }] },
      ima,
      'unknown',
      [],
    ],
    [
      'a file that this policy refused',
      { evidence: quotedIma, policyVersion: ima.version, outcome: 'refused', denials: [{ code: 'ima-file-refused' }] },
      ima,
      'refused',
      ['ima-file-refused'],
    ],
  ])('%s', (_, change, policy, verdict, codes) => {
    const replay = replayJoin({ ...issued, ...change }, policy, LAB_NOW);
    expect([replay.verdict, replay.denials.map(({ code }) => code)]).toEqual([verdict, codes]);
  });

  test.each<[string, object, Partial<RecordedJoin>, string, number]>([
    ['the same demands on files', GOOD_IMA_POLICY, {}, 'admitted', 0],
    ['no fewer files', { ...GOOD_IMA_POLICY, excludes: ['/var/log/'] }, {}, 'admitted', 0],
    ['fewer files', { ...GOOD_IMA_POLICY, digests: [], files: {} }, {}, 'unknown', 2],
    ['a file that was refused', GOOD_IMA_POLICY, { denials: [{ code: 'ima-file-refused' }] }, 'unknown', 0],
    ['a judgement older than the policy in force', GOOD_IMA_POLICY, { policyVersion: 'older' }, 'unknown', 0],
  ])('%s, where the policy in force is known', (_, files, change, verdict, doubts) => {
    const next = policyWith(GOOD_POLICY, { pcrs: [...PCRS, 10], ima: files, onFirmwareChange: 'advise' });
    const join: RecordedJoin = { ...issued, evidence: quotedIma, policyVersion: 'in force', ...change };
    const inForce = { policyVersion: 'in force', pools: { general: imaPolicySchema.parse(GOOD_IMA_POLICY) } };
    const replay = replayJoin(join, { ...next, version: 'next' }, LAB_NOW, inForce);
    expect([replay.verdict, replay.doubts.length]).toEqual([verdict, doubts]);
  });

  test('a padded authority is not known where the policy takes none', () => {
    const padded = { code: 'authority-one-byte-longer' as const, pcr: 7, detail: '' };
    const boot = overTheWire({ ...facts, warnings: [padded] });
    const verdict = (demands: object) =>
      replayJoin({ ...issued, evidence: { ...evidence, boot } }, policyWith(demands), LAB_NOW).verdict;
    expect([verdict(GOOD_POLICY), verdict({ ...GOOD_POLICY, allowPaddedAuthorities: true })]).toEqual([
      'unknown',
      'admitted',
    ]);
  });
});

describe('a recorded boot, explained', () => {
  const about = (fact: string, of: ReturnType<typeof explainJoin>) => of.find((each) => each.fact === fact);

  test('shows what each demand wanted and what was found, met or not', () => {
    const { denials, referenceValues, checks } = replayJoin(issued, otherLine, LAB_NOW);
    const today = explainJoin(issued, denials, referenceValues, checks);
    expect(about('secure-boot', today)).toMatchObject({ ok: true });
    expect(about('command-line-refused', today)).toMatchObject({ ok: false, wanted: '‘/vmlinuz quiet’' });
    expect(about('command-line', today)).toBeUndefined();
  });

  test('shows what was found where the demands of then are not known', () => {
    const then = explainJoin({ ...issued, ...refusedThen }, refusedThen.denials, undefined);
    expect(about('secure-boot', then)).toMatchObject({ ok: true });
    expect(about('boot-applications', then)).toMatchObject({ ok: true });
    expect(about('command-line', then)).toBeUndefined();
    expect(about('command-line-refused', then)).toMatchObject({ ok: false });
  });

  test('shows how far the IMA list was proven', () => {
    const proven = { records: 9, provenBefore: 4, unproven: 1, pcr10: 'aa' };
    const then = explainJoin({ ...issued, evidence: { ...evidence, ima: proven } }, [], undefined);
    expect(about('IMA list', then)).toMatchObject({ ok: true, found: expect.stringContaining('9 records proven') });
  });
});
