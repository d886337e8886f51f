import { describe, expect, test } from 'vitest';

import { bootFacts } from '#attestation/measured-boot/boot-facts.ts';
import { appraise } from '#attestation/appraise.ts';
import type { VerifiedTpm2Claims } from '#attestation/result.ts';
import { verifyEvidence } from '#attestation/verify-evidence.ts';
import { COMMAND_LINE, GOOD_BOOT, verifiedBoot } from '#test/lab/boot-log.ts';
import { eventLog } from '#test/lab/event-log-builder.ts';
import { GOOD_IMA_POLICY, GOOD_LIST, imaInput, verifiedIma } from '#test/lab/ima-list.ts';
import { appraisal, claimsOf, labAppraisal, labPolicy, labRecord, verdict } from '#test/lab/tpm-appraisal.ts';
import { LAB_PCRS, labJoin, labNode } from '#test/lab/tpm-evidence.ts';

const node = labNode();
const claims = claimsOf(labJoin(node));
const BOOT = bootFacts(verifiedBoot(GOOD_BOOT));

describe('a pool that demands a measured boot', () => {
  const policy = labPolicy(node, { tpm2: { boot: {} } });
  const outcome = (boot: VerifiedTpm2Claims['boot']) => appraisal(labAppraisal(node, { ...claims, boot }, { policy }));

  test('takes one that meets the demands, and neither another nor none', () => {
    expect(outcome(BOOT)).toBe('affirming');
    expect(outcome({ ...BOOT, exitBootServices: 'missing' })).toEqual(['exit-boot-services-missing']);
    expect(outcome({ ...BOOT, secureBoot: undefined })).toEqual([
      'boot-fact-not-verified',
      'boot-fact-not-verified',
      'boot-fact-not-verified',
      'boot-fact-not-verified',
    ]);
    expect(outcome(undefined)).toEqual(['event-log-empty']);
  });

  test('is the only one to look at it', () => {
    const boot = { ...BOOT, exitBootServices: 'missing' as const };
    expect(appraisal(labAppraisal(node, { ...claims, boot }))).toBe('affirming');
  });
});

describe('a pool that demands an IMA list', () => {
  const pcrs = [...LAB_PCRS, 8, 9, 10, 12];
  const wide = claimsOf(labJoin(node, {}, { pcrs }));
  const policy = labPolicy(node, {
    tpm2: {
      pcrs,
      referencePcrs: LAB_PCRS,
      boot: {
        commandLines: { exact: [COMMAND_LINE] },
        grubCommands: BOOT.grub?.commands ?? [],
        loaderFiles: (BOOT.loaderFiles ?? []).map((it) => it.digest),
      },
      ima: GOOD_IMA_POLICY,
    },
  });
  const ima = verifiedIma(imaInput(GOOD_LIST));
  const outcome = (change: Partial<VerifiedTpm2Claims>, record: Parameters<typeof labRecord>[1] = {}) =>
    appraisal(labAppraisal(node, { ...wide, boot: BOOT, ima, ...change }, { policy, node: labRecord(node, record) }));

  test('takes one whose records are known, and neither another nor none', () => {
    expect(outcome({})).toBe('affirming');
    expect(outcome({ ima: undefined })).toEqual(['ima-log-empty']);
    expect(outcome({ boot: undefined })).toEqual(['event-log-empty', 'ima-measurement-policy']);
  });

  test('counts what this very policy accepted before, and nothing that another did', () => {
    const bad = { ...ima, provenBefore: 3, records: ima.records.map((it) => ({ ...it, isViolation: true })) };
    const progress = (policyVersion: string) => ({
      imaProgress: {
        policyVersion,
        resetCount: 7,
        bank: 'sha256',
        records: 3,
        pcr10: '',
        tail: { records: 0, digest: '' },
      },
    });
    expect(outcome({ ima: bad }, progress(policy.version) as never)).toBe('affirming');
    expect(outcome({ ima: bad }, progress('another') as never)).toEqual(Array(3).fill('ima-violation'));
    expect(outcome({ ima: bad })).toEqual(Array(3).fill('ima-violation'));
  });
});

describe('the TPM’s firmware', () => {
  const known = labAppraisal(node, claims);
  const firmwareOf = (firmwareVersion: string | undefined, tpm2: Readonly<Record<string, unknown>> = {}) =>
    appraise({
      ...known,
      policy: labPolicy(node, { tpm2 }),
      node: { ...labRecord(node), ...(firmwareVersion !== undefined && { firmwareVersion }) },
    });

  test('is told when it changed, and refuses the node where the pool says so', () => {
    const codes = (result: ReturnType<typeof appraise>) => [
      result.status,
      ...(result.status === 'affirming' ? [] : result.denials.map(({ code }) => code)),
      ...result.advisories.map(({ code, detail }) => `${code}: ${detail}`),
    ];
    const first = codes(firmwareOf(undefined));
    expect(first).toEqual(['affirming']);
    const changed = firmwareOf('1.2.3.5', { onFirmwareChange: 'advise' });
    expect(codes(changed)).toEqual([
      'affirming',
      expect.stringMatching(/^firmware-changed: last join's TPM firmware was 1\.2\.3\.5, this one is \S+$/),
    ]);
    expect(codes(firmwareOf('1.2.3.5', { onFirmwareChange: 'refuse' }))).toEqual([
      'contraindicated',
      'firmware-changed',
      expect.stringContaining('firmware-changed'),
    ]);
    const present = changed.advisories[0]?.detail.split(' ').at(-1);
    expect(codes(firmwareOf(present, { onFirmwareChange: 'refuse' }))).toEqual(['affirming']);
  });
});

describe('what a pool demands is verified, and only that', () => {
  const join = labJoin(node);

  test('an event log', () => {
    const demands = { allowPaddedAuthorities: false } as never;
    expect(verifyEvidence({ ...join, boot: demands })).toMatchObject({
      ok: false,
      denials: [{ code: 'event-log-empty' }],
    });
    const evidence = { ...join.evidence, eventLog: eventLog(GOOD_BOOT, ['sha256', 'sha384']) };
    expect(verdict({ ...join, evidence })).toBe('accepted');
    expect(verdict({ ...join, evidence, boot: demands })).toBe('event-log-replay-mismatch');
  });

  test('an IMA list', () => {
    const demands = {} as never;
    expect(verdict({ ...join, ima: demands })).toBe('ima-pcr-mismatch');
    const log = imaInput(GOOD_LIST).log;
    expect(verdict({ ...join, evidence: { ...join.evidence, imaLog: log } })).toBe('accepted');
    expect(verdict({ ...join, evidence: { ...join.evidence, imaLog: log.subarray(1) }, ima: demands })).toBe(
      'ima-log-malformed',
    );
  });

  test('an EK certificate, where there are anchors and one was shown', () => {
    expect(verdict({ ...join, ekAnchors: undefined })).toBe('accepted');
    expect(verdict({ ...join, challenge: { ...join.challenge, ekCertificates: [] } })).toBe('accepted');
    const wrong = { ...join.challenge, ekCertificates: [new Uint8Array(4)] };
    expect(verdict({ ...join, challenge: wrong })).toBe('evidence-malformed');
    expect(verdict({ ...join, challenge: wrong, ekAnchors: undefined })).toBe('accepted');
  });

  test('evidence of the kind that the challenge asked for', () => {
    const token = { kind: 'signed-measurements', token: 'x' } as const;
    expect(verifyEvidence({ ...join, evidence: token as never })).toEqual({
      ok: false,
      denials: [{ code: 'evidence-kind-unexpected', expected: 'tpm2-quote', found: 'signed-measurements' }],
    });
    const challenge = { ...join.challenge, kind: 'signed-measurements' } as never;
    expect(verifyEvidence({ ...join, challenge })).toEqual({
      ok: false,
      denials: [{ code: 'evidence-kind-unexpected', expected: 'signed-measurements', found: 'tpm2-quote' }],
    });
  });
});
