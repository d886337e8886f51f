import { describe, expect, test } from 'vitest';

import { compilePolicy, type Policy } from '#attestation/evidence-policy.ts';
import { digest } from '#core/digest.ts';
import { toHex, utf8 } from '#core/bytes.ts';
import { policySchema } from '#protocol/policy.ts';
import { joinPolicy } from '#services/join/join-policy.ts';
import { BOOT_PCRS, GOOD_IMA_POLICY, GOOD_LIST, hexOf, KUBELET, pcr10After, violation } from '#test/lab/ima-list.ts';
import { type BuiltImaRecord, imaLog, imaNg } from '#test/lab/ima-log-builder.ts';
import { GOOD_BOOT } from '#test/lab/boot-log.ts';
import { eventLog } from '#test/lab/event-log-builder.ts';
import { GOOD_POLICY } from '#test/lab/boot-policy.ts';
import {
  answerOf,
  challengeFor,
  enrol,
  type JoinLab,
  joinLab,
  lastDenials,
  origin,
  referenceValuesOf,
  submit,
  told,
} from '#test/lab/join-lab.ts';
import { runService } from '#test/lab/running-service.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { joinOverWire } from '#test/lab/wire.ts';

const PCRS: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14];
/** The firmware, by known values; `boot` and `ima` judge the others. */
const REFERENCE_PCRS: readonly number[] = [0, 1, 2, 3, 6];
const EVENT_LOG = eventLog(GOOD_BOOT, ['sha256', 'sha384']);

const file = (path: string, content: string): BuiltImaRecord => imaNg(path, digest('sha256', utf8(content)));
const PODMAN = file('/usr/bin/podman', 'podman');
const EVIL = file('/usr/bin/evil', 'evil');

/** A pool that demands the lab's good boot and good list. */
function imaJoinPolicy(ima: object = {}, pool: object = {}): Policy {
  const document = policySchema.parse({
    apiVersion: 'muster/v1',
    kind: 'Policy',
    pools: {
      general: {
        protectionRating: 'default',
        segments: ['10.1.0.0/16'],
        tpm2: {
          pcrs: PCRS,
          referencePcrs: REFERENCE_PCRS,
          referenceValues: ['firmware'],
          boot: GOOD_POLICY,
          ima: { ...GOOD_IMA_POLICY, ...ima },
          allowEkWithoutCertificate: true,
        },
        ...pool,
      },
    },
  });
  const firmware = referenceValuesOf(bootedTpm());
  const pcrs = Object.fromEntries(REFERENCE_PCRS.map((pcr) => [String(pcr), BOOT_PCRS.get(pcr) ?? '']));
  const referenceValues = new Map([['firmware', { ...firmware, pcrs }]]);
  const compiled = compilePolicy(document, { referenceValues, anchors: new Map(), referenceSigners: new Map() });
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.errors));
  return compiled.policy;
}

/** A TPM after the lab's good boot. */
function bootedTpm() {
  const tpm = labTpm();
  tpm.holdPcrs('sha256', Object.fromEntries([...BOOT_PCRS].map(([pcr, value]) => [String(pcr), value])));
  return tpm;
}

const imaLab = (policy = imaJoinPolicy()): Promise<JoinLab> => joinLab({ tpm: bootedTpm(), policy });

/** A join in which PCR 10 was extended by `measured` and the node sends `listed`: what it was told, and every reason. */
async function joinWith(
  lab: JoinLab,
  measured: readonly BuiltImaRecord[],
  listed: readonly BuiltImaRecord[] | undefined = measured,
): Promise<readonly string[]> {
  lab.tpm.holdPcrs('sha256', { '10': pcr10After(measured) });
  const challenge = await challengeFor(lab);
  const logs = { eventLog: EVENT_LOG, ...(listed.length === 0 ? {} : { imaLog: imaLog(listed) }) };
  const outcome = await submit(lab, answerOf(challenge, lab.tpm, { evidence: logs }));
  return [told(outcome), ...(await lastDenials(lab.store))];
}

/** The same laboratory under another policy. */
function under(lab: JoinLab, policy: Policy): JoinLab {
  const ready = joinPolicy(policy);
  return { ...lab, policy, deps: { ...lab.deps, policy: () => ready } };
}

describe('a pool that asks for the IMA list', () => {
  test('asks for it beside the event log', async () => {
    const { attester } = await challengeFor(await imaLab());
    expect(attester).toMatchObject({ logs: ['event-log', 'ima'] });
  });

  test.each<[string, readonly BuiltImaRecord[], readonly BuiltImaRecord[], readonly string[]]>([
    ['admits a machine that ran what the policy names', GOOD_LIST, GOOD_LIST, ['ok']],
    ['refuses it without its list', GOOD_LIST, [], ['evidence-rejected', 'ima-pcr-mismatch']],
    ['refuses it with a record taken out', [...GOOD_LIST, EVIL], GOOD_LIST, ['evidence-rejected', 'ima-pcr-mismatch']],
    ['refuses it with nothing measured', [], [], ['evidence-rejected', 'ima-log-empty']],
    [
      'refuses a file that the policy does not name',
      [...GOOD_LIST, EVIL],
      [...GOOD_LIST, EVIL],
      ['evidence-rejected', 'ima-file-refused'],
    ],
    [
      'refuses a file that changed while it was measured',
      [...GOOD_LIST, violation('/usr/bin/kubelet')],
      [...GOOD_LIST, violation('/usr/bin/kubelet')],
      ['evidence-rejected', 'ima-violation'],
    ],
    [
      'refuses a list that does not start with this boot',
      [KUBELET],
      [KUBELET],
      ['evidence-rejected', 'ima-boot-aggregate'],
    ],
    [
      'admits records that the quote does not cover yet, and gives them no trust',
      GOOD_LIST,
      [...GOOD_LIST, EVIL],
      ['ok'],
    ],
  ])('%s', async (_, measured, listed, expected) => {
    expect(await joinWith(await imaLab(), measured, listed)).toEqual(expected);
  });

  test('refuses a machine whose kernel was not told to measure', async () => {
    const policy = imaJoinPolicy({ measurementPolicy: { commandLineTokens: ['ima_policy=critical_data'] } });
    expect(await joinWith(await imaLab(policy), GOOD_LIST)).toEqual(['evidence-rejected', 'ima-measurement-policy']);
  });
});

describe('the joins of one boot', () => {
  test('leave with the node how far its list was proven', async () => {
    const lab = await imaLab();
    await joinWith(lab, GOOD_LIST);
    expect((await lab.store.findNode(lab.node.id))?.imaProgress).toMatchObject({
      resetCount: 7,
      bank: 'sha256',
      records: GOOD_LIST.length,
      pcr10: pcr10After(GOOD_LIST),
      tail: { records: 0 },
      policyVersion: lab.policy.version,
    });
  });

  test('go on: only what is new is judged', async () => {
    const lab = await imaLab();
    await joinWith(lab, GOOD_LIST);
    expect(await joinWith(lab, [...GOOD_LIST, KUBELET])).toEqual(['ok']);
    expect(await joinWith(lab, [...GOOD_LIST, KUBELET, EVIL])).toEqual(['evidence-rejected', 'ima-file-refused']);
    expect((await lab.store.findNode(lab.node.id))?.imaProgress?.records).toBe(GOOD_LIST.length + 1);
  });

  test('are judged whole under another policy', async () => {
    const generous = imaJoinPolicy({ digests: [...(GOOD_IMA_POLICY.digests ?? []), `sha256:${hexOf('podman')}`] });
    const lab = await imaLab(generous);
    const list = [...GOOD_LIST, PODMAN];
    expect(await joinWith(lab, list)).toEqual(['ok']);
    expect(await joinWith(under(lab, imaJoinPolicy()), list)).toEqual(['evidence-rejected', 'ima-file-refused']);
  });

  test('have the records that were proven before first, unchanged', async () => {
    const lab = await imaLab();
    await joinWith(lab, [...GOOD_LIST, KUBELET]);
    expect(await joinWith(lab, GOOD_LIST)).toEqual(['evidence-rejected', 'ima-epoch']);
    const other = GOOD_LIST.toReversed();
    expect(await joinWith(lab, [...other, KUBELET, KUBELET])).toEqual(['evidence-rejected', 'ima-epoch']);
  });

  test('prove in the end what one of them listed ahead of its quote', async () => {
    const lab = await imaLab();
    await joinWith(lab, GOOD_LIST, [...GOOD_LIST, KUBELET]);
    expect(await joinWith(lab, GOOD_LIST)).toEqual(['evidence-rejected', 'ima-tail-not-covered']);
    expect(await joinWith(lab, [...GOOD_LIST, KUBELET])).toEqual(['ok']);
  });

  test('end with the boot: the next list starts anew', async () => {
    const lab = await imaLab();
    await joinWith(lab, [...GOOD_LIST, KUBELET]);
    lab.tpm.reset();
    lab.tpm.holdPcrs('sha256', Object.fromEntries([...BOOT_PCRS].map(([pcr, value]) => [String(pcr), value])));
    expect(await joinWith(lab, GOOD_LIST)).toEqual(['ok']);
    expect((await lab.store.findNode(lab.node.id))?.imaProgress).toMatchObject({ resetCount: 8, records: 3 });
  });
});

describe('the body of a join', () => {
  const KIB = 1_024;
  const ready = joinPolicy(imaJoinPolicy());

  test('may be as long as the logs that a pool in reach asks for', () => {
    const list = Array.from({ length: 10_000 }, (_, at) => file(`/usr/lib/x86_64-linux-gnu/library-${at}.so`, `${at}`));
    const base64 = (imaLog(list).byteLength * 4) / 3;
    expect(base64).toBeGreaterThan(1_000 * KIB);
    expect(ready.bodyBytesFrom(origin('10.1.2.3'))).toBeGreaterThan(base64 + 512 * KIB);
    expect(ready.bodyBytesFrom(origin('10.1.2.3'))).toBeLessThan(16 * KIB * KIB);
  });

  test('is taken by the service as it is installed, and no longer one', async () => {
    const digests = Array.from({ length: 10_000 }, (_, at) => digest('sha256', utf8(`${at}`)));
    const list = [...GOOD_LIST, ...digests.map((value, at) => imaNg(`/usr/lib/x86_64-linux-gnu/lib-${at}.so`, value))];
    const known = [...(GOOD_IMA_POLICY.digests ?? []), ...digests.map((value) => `sha256:${toHex(value)}`)];
    const tpm = bootedTpm();
    tpm.holdPcrs('sha256', { '10': pcr10After(list) });
    await using running = await runService({
      tpm,
      policy: imaJoinPolicy({ digests: known }, { segments: ['127.0.0.0/8'] }),
    });
    await enrol(running.store, tpm);
    const evidence = { eventLog: EVENT_LOG, imaLog: imaLog(list) };
    expect((await joinOverWire(running.node(), tpm, { evidence })).status).toBe(201);
    const longer = { ...evidence, imaLog: new Uint8Array(12_000_000) };
    expect((await joinOverWire(running.node(), tpm, { evidence: longer })).status).toBe(413);
  });

  test('is short from anywhere else', () => {
    const elsewhere = [origin('10.9.0.1'), undefined].map((from) => ready.bodyBytesFrom(from));
    expect(elsewhere).toEqual([256 * KIB, 256 * KIB]);
    const without = joinPolicy(imaJoinPolicy({}, { tpm2: { pcrs: [7], allowEkWithoutCertificate: true } }));
    expect(without.bodyBytesFrom(origin('10.1.2.3'))).toBe(256 * KIB);
  });
});

describe('a policy that asks for an IMA list', () => {
  const errors = (tpm2: object): readonly string[] => {
    const base = { pcrs: PCRS, referencePcrs: REFERENCE_PCRS, boot: GOOD_POLICY, ima: GOOD_IMA_POLICY };
    const document = policySchema.parse({
      apiVersion: 'muster/v1',
      kind: 'Policy',
      pools: { general: { protectionRating: 'default', segments: [], tpm2: { ...base, ...tpm2 } } },
    });
    const compiled = compilePolicy(document, {
      referenceValues: new Map(),
      anchors: new Map(),
      referenceSigners: new Map(),
    });
    return compiled.ok ? [] : [...new Set(compiled.errors.map(({ path }) => path.replace('/pools/general/tpm2/', '')))];
  };
  const files = { '/etc/ima/ima-policy': [`sha256:${toHex(digest('sha256', utf8('policy')))}`] };

  test.each<[string, object, readonly string[]]>([
    ['loads', {}, []],
    ['does not without PCR 10', { pcrs: PCRS.filter((pcr) => pcr !== 10) }, ['ima']],
    [
      'does not without what the first record aggregates',
      { pcrs: PCRS.slice(1), referencePcrs: [1, 2, 3, 6] },
      ['ima'],
    ],
    ['does not with a known value for PCR 10', { referencePcrs: [...REFERENCE_PCRS, 10] }, ['referencePcrs']],
    ['does not where nothing says what is measured', { ima: { measurementPolicy: {} } }, ['ima/measurementPolicy']],
    [
      'does not where nothing proves the command line',
      { boot: undefined, referencePcrs: undefined },
      ['ima/measurementPolicy/commandLineTokens'],
    ],
    [
      'does not where only half of it is proven',
      { pcrs: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], boot: undefined, referencePcrs: undefined },
      ['ima/measurementPolicy/commandLineTokens'],
    ],
    [
      'loads without boot where a policy file says what is measured',
      { boot: undefined, referencePcrs: undefined, ima: { measurementPolicy: { files } } },
      [],
    ],
    [
      'does not with a key that is none',
      { ima: { ...GOOD_IMA_POLICY, signatureKeys: ['x'] } },
      ['ima/signatureKeys/0'],
    ],
  ])('%s', (_, change, expected) => {
    expect(errors(change)).toEqual(expected);
  });
});
