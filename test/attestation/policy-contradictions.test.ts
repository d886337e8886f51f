import { describe, expect, test } from 'vitest';

import { compilePolicy } from '#attestation/evidence-policy.ts';
import { labPolicyDocument } from '#test/lab/tpm-appraisal.ts';
import { labNode } from '#test/lab/tpm-evidence.ts';

const node = labNode();
const PCRS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12];
const FILES = { '/etc/ima/policy': [`sha256:${'aa'.repeat(32)}`] };
const TOKENS = { commandLineTokens: ['ima_policy=tcb'] };

/** Where a pool with these demands contradicts itself. */
function errorsOf(
  tpm2: Readonly<Record<string, unknown>>,
  pool: Readonly<Record<string, unknown>> = {},
): readonly string[] {
  const document = labPolicyDocument({ tpm2: { referenceValues: [], ...tpm2 }, pool });
  const compiled = compilePolicy(document, {
    referenceValues: new Map(),
    anchors: new Map([['lab.pem', node.ca.pem]]),
    referenceSigners: new Map(),
  });
  return compiled.ok ? [] : compiled.errors.map(({ path }) => path.replace('/pools/general/', ''));
}

describe('a pool whose demands contradict one another', () => {
  const ima = (measurementPolicy: object) => ({ measurementPolicy });

  test.each<[string, Readonly<Record<string, unknown>>, readonly string[]]>([
    ['reference values for every PCR', { pcrs: PCRS }, []],
    [
      'a reference value for a PCR that is not quoted',
      { pcrs: [0, 1], referencePcrs: [0, 1, 2] },
      ['tpm2/referencePcrs'],
    ],
    ['a quoted PCR that nothing judges', { pcrs: [0, 1, 2], referencePcrs: [0, 1] }, ['tpm2/referencePcrs']],
    ['a PCR that a demand on the boot judges', { pcrs: [0, 4, 5, 7], referencePcrs: [0], boot: {} }, []],
    [
      'a PCR that a demand on the boot does not judge',
      { pcrs: [0, 1, 4, 5, 7], referencePcrs: [0], boot: {} },
      ['tpm2/referencePcrs'],
    ],
    [
      'a demand on the boot whose PCR is not quoted',
      { pcrs: [0, 4, 7], referencePcrs: [0, 4, 7], boot: {} },
      ['tpm2/boot'],
    ],
    ['an IMA list that files say the policy of', { pcrs: PCRS, ima: ima({ files: FILES }) }, []],
    [
      'an IMA list without the PCR that proves it',
      { pcrs: PCRS.filter((pcr) => pcr !== 10), ima: ima({ files: FILES }) },
      ['tpm2/ima'],
    ],
    [
      'an IMA list without a PCR that its first record aggregates',
      { pcrs: PCRS.filter((pcr) => pcr !== 9), ima: ima({ files: FILES }) },
      ['tpm2/ima'],
    ],
    [
      'a reference value for the PCR of the IMA list',
      { pcrs: PCRS, referencePcrs: PCRS, ima: ima({ files: FILES }) },
      ['tpm2/referencePcrs'],
    ],
    ['an IMA policy that nothing says', { pcrs: PCRS, ima: ima({}) }, ['tpm2/ima/measurementPolicy']],
    ['words of a command line that the boot proves', { pcrs: PCRS, boot: {}, ima: ima(TOKENS) }, []],
    [
      'words of a command line that nothing proves',
      { pcrs: PCRS, ima: ima(TOKENS) },
      ['tpm2/ima/measurementPolicy/commandLineTokens'],
    ],
    [
      'words of a command line, of which one PCR is not quoted',
      { pcrs: PCRS.filter((pcr) => pcr !== 12), boot: {}, ima: ima(TOKENS) },
      ['tpm2/ima/measurementPolicy/commandLineTokens'],
    ],
    ['words and files, without a boot', { pcrs: PCRS, ima: ima({ ...TOKENS, files: FILES }) }, []],
  ])('%s', (_, tpm2, expected) => {
    expect(errorsOf(tpm2)).toEqual(expected);
  });

  test.each<[string, readonly object[], readonly string[]]>([
    ['a taint of its own', [{ key: 'muster.example/new', effect: 'NoSchedule' }], []],
    [
      'the taint of the rating beside another',
      [
        { key: 'muster.example/new', effect: 'NoSchedule' },
        { key: 'node-restriction.kubernetes.io/muster-protection-rating', effect: 'NoSchedule' },
      ],
      ['registerWithTaints/1/key'],
    ],
  ])('%s', (_, registerWithTaints, expected) => {
    expect(errorsOf({}, { registerWithTaints })).toEqual(expected);
  });
});
