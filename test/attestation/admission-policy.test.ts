import { describe, expect, test } from 'vitest';

import { compilePolicy } from '#attestation/evidence-policy.ts';
import { nodeNameByRule } from '#attestation/name-rule.ts';
import { policySchema } from '#protocol/policy.ts';
import { poolName } from '#test/lab/join-lab.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { labEkCa } from '#test/lab/tpm-certificates.ts';

const { ekFingerprint } = labTpm();
const pool = poolName('general');

describe('a name rule', () => {
  test.each([
    ['{pool}-{ek:12}', `general-${ekFingerprint.slice(0, 12)}`],
    ['node-{ek:40}', `node-${ekFingerprint.slice(0, 40)}`],
    ['{ek:16}.{pool}.example', `${ekFingerprint.slice(0, 16)}.general.example`],
  ])('%s gives a name of verified facts', (rule, name) => {
    expect(nodeNameByRule(rule, { pool, ekFingerprint })).toBe(name);
  });

  test.each([
    ['nothing of the EK', '{pool}'],
    ['so little of it that two may share it', '{pool}-{ek:11}'],
    ['more of it than a name holds', '{pool}-{ek:41}'],
    ['it twice', '{ek:12}-{ek:12}'],
    ['what is not verified', '{claimed}-{ek:12}'],
    ['capitals', 'Node-{ek:12}'],
    ['an end that no name has', '{ek:12}-'],
    ['more than fits into a certificate', `${'a'.repeat(41)}{ek:12}`],
    ['nothing', ''],
  ])('with %s gives none', (_, rule) => {
    expect(nodeNameByRule(rule, { pool, ekFingerprint })).toBeUndefined();
  });
});

describe('a pool’s way to take nodes', () => {
  const faultsOf = (members: object, tpm2: object = {}): readonly string[] => {
    const document = policySchema.parse({
      apiVersion: 'muster/v1',
      kind: 'Policy',
      pools: {
        general: {
          protectionRating: 'default',
          segments: ['10.1.0.0/16'],
          tpm2: { pcrs: [0, 7], ekAnchors: ['ca.pem'], ...tpm2 },
          ...members,
        },
      },
    });
    const anchors = new Map([['ca.pem', labEkCa().pem]]);
    const compiled = compilePolicy(document, { referenceValues: new Map(), anchors, referenceSigners: new Map() });
    return compiled.ok ? [] : compiled.errors.map(({ path }) => path);
  };

  test.each<[string, object, object, readonly string[]]>([
    ['is endorsed, with authorities', { admission: 'endorsed' }, {}, []],
    ['is endorsed, with none', { admission: 'endorsed' }, { ekAnchors: [] }, ['/pools/general/tpm2/ekAnchors']],
    [
      'is endorsed, and does without certificates',
      { admission: 'endorsed' },
      { allowEkWithoutCertificate: true },
      ['/pools/general/tpm2/allowEkWithoutCertificate'],
    ],
    ['is approval, and does without certificates', { admission: 'approval' }, { allowEkWithoutCertificate: true }, []],
    ['has a rule that gives no name', { nameRule: '{pool}' }, {}, ['/pools/general/nameRule']],
  ])('%s: faults as listed', (_, members, tpm2, faults) => {
    expect(faultsOf(members, tpm2)).toEqual(faults);
  });

  test('is by enrolment alone unless it says otherwise', () => {
    const document = { protectionRating: 'default', segments: [], tpm2: { pcrs: [0] } };
    const parsed = policySchema.parse({ apiVersion: 'muster/v1', kind: 'Policy', pools: { general: document } });
    expect(parsed.pools[pool]).toMatchObject({
      admission: 'enrolled',
      newNodesPerHour: 10,
      tpm2: { onFirmwareChange: 'advise' },
    });
  });

  test.each([0, -1, 1.5, 10_001])('refuses a cap of %s', (newNodesPerHour) => {
    const document = { protectionRating: 'default', segments: [], tpm2: { pcrs: [0] }, newNodesPerHour };
    expect(
      policySchema.safeParse({ apiVersion: 'muster/v1', kind: 'Policy', pools: { general: document } }).success,
    ).toBe(false);
  });
});
