import { describe, expect, test } from 'vitest';

import type { PoolName } from '#core/ids.ts';
import { compilePolicy, type PolicyFiles } from '#attestation/evidence-policy.ts';
import type { ReferenceValuesDocument } from '#protocol/policy.ts';
import { LAB_POOL, type LabPolicyOptions, labPolicyDocument, labReferenceValues } from '#test/lab/tpm-appraisal.ts';
import { labNode } from '#test/lab/tpm-evidence.ts';

const node = labNode();
const reference = labReferenceValues(node);
const filesWith = (document: ReferenceValuesDocument): PolicyFiles => ({
  referenceValues: new Map([['image-1', document]]),
  anchors: new Map([
    ['lab.pem', node.ca.pem],
    ['broken.pem', '-----BEGIN CERTIFICATE-----\n'],
  ]),
});
const files = filesWith(reference);

const errorsOf = (options: LabPolicyOptions, given = files): readonly string[] => {
  const compiled = compilePolicy(labPolicyDocument(options), given);
  return compiled.ok ? [] : compiled.errors.map(({ path }) => path);
};

describe('compiling a policy', () => {
  const ROWS: readonly [string, LabPolicyOptions, readonly string[]][] = [
    ['default', {}, []],
    ['default, laboratory', { tpm2: { allowSoftwareTpm: true, allowEkWithoutCertificate: true } }, []],
    ['default, 24 h', { certificateTtl: '24h' }, []],
    ['default, the PCR for debugging', { tpm2: { pcrs: [16], referenceValues: [] } }, []],
    ['protected', { protectionRating: 'protected' }, []],
    ['protected, 8 h', { protectionRating: 'protected', certificateTtl: '8h' }, []],
    [
      'protected, over 8 h',
      { protectionRating: 'protected', certificateTtl: '481m' },
      ['/pools/general/certificateTtl'],
    ],
    ['highly protected, 1 h', { protectionRating: 'highly-protected', certificateTtl: '1h' }, []],
    [
      'highly protected, over 1 h',
      { protectionRating: 'highly-protected', certificateTtl: '61m' },
      ['/pools/general/certificateTtl'],
    ],
    [
      'protected, software TPM',
      { protectionRating: 'protected', tpm2: { allowSoftwareTpm: true } },
      ['/pools/general/tpm2/allowSoftwareTpm'],
    ],
    [
      'highly protected, software TPM',
      { protectionRating: 'highly-protected', tpm2: { allowSoftwareTpm: true } },
      ['/pools/general/tpm2/allowSoftwareTpm'],
    ],
    [
      'protected, no EK certificate',
      { protectionRating: 'protected', tpm2: { allowEkWithoutCertificate: true } },
      ['/pools/general/tpm2/allowEkWithoutCertificate'],
    ],
    [
      'protected, resettable PCRs',
      { protectionRating: 'protected', tpm2: { pcrs: [16, 23], referenceValues: [] } },
      ['/pools/general/tpm2/pcrs', '/pools/general/tpm2/pcrs'],
    ],
    ['no reference values yet', { tpm2: { referenceValues: [] } }, []],
    [
      'a reference file that is not there',
      { tpm2: { referenceValues: ['image-1', 'image-9'] } },
      ['/pools/general/tpm2/referenceValues/1'],
    ],
    [
      'an anchor file that is not there',
      { tpm2: { ekAnchors: ['lab.pem', 'other.pem'] } },
      ['/pools/general/tpm2/ekAnchors/1'],
    ],
    ['an anchor file that is broken', { tpm2: { ekAnchors: ['broken.pem'] } }, ['/pools/general/tpm2/ekAnchors/0']],
    ['no anchors: loads, and trusts nobody', { tpm2: { ekAnchors: [] } }, []],
    [
      'the same reference values twice',
      { tpm2: { referenceValues: ['image-1', 'image-1'] } },
      ['/pools/general/tpm2/referenceValues'],
    ],
    [
      'one PCR more than the reference values',
      { tpm2: { pcrs: [0, 1, 2, 3, 4, 5, 6, 7, 8] } },
      ['/pools/general/tpm2/referenceValues'],
    ],
    ['one PCR fewer', { tpm2: { pcrs: [0, 1, 2, 3, 4, 5, 6] } }, ['/pools/general/tpm2/referenceValues']],
  ];
  test.each(ROWS)('%s', (_, options, expected) => {
    expect(errorsOf(options)).toEqual(expected);
  });

  test('all errors are told at once', () => {
    const options = {
      protectionRating: 'protected',
      certificateTtl: '24h',
      tpm2: { allowSoftwareTpm: true, ekAnchors: ['none.pem'] },
    } as const;
    expect(errorsOf(options)).toEqual([
      '/pools/general/certificateTtl',
      '/pools/general/tpm2/allowSoftwareTpm',
      '/pools/general/tpm2/ekAnchors/0',
    ]);
  });

  test('reference values of another bank, or of another length than their bank, are refused', () => {
    const at = ['/pools/general/tpm2/referenceValues'];
    expect(errorsOf({ tpm2: { bank: 'sha384' } })).toContain(at[0]);
    expect(errorsOf({}, filesWith({ ...reference, bank: 'sha384' }))).toEqual(at);
    expect(errorsOf({}, filesWith({ ...reference, pcrs: { ...reference.pcrs, 3: '00'.repeat(48) } }))).toEqual(at);
  });

  const compile = (options: LabPolicyOptions = {}, given = files) => {
    const compiled = compilePolicy(labPolicyDocument(options), given);
    if (!compiled.ok) throw new Error(JSON.stringify(compiled.errors));
    return compiled.policy;
  };

  test('PCRs are put in order, and no anchors mean nobody unless the enrolment alone is trusted', () => {
    const pool = (options: LabPolicyOptions) => compile(options).pools.get(LAB_POOL);
    expect(pool({ tpm2: { pcrs: [7, 6, 5, 4, 3, 2, 1, 0] } })?.tpm2.pcrs).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(pool({})?.tpm2.ekAnchors?.pool.size).toBe(1);
    expect(pool({ tpm2: { ekAnchors: [] } })?.tpm2.ekAnchors?.pool.size).toBe(0);
    expect(pool({ tpm2: { ekAnchors: [], allowEkWithoutCertificate: true } })?.tpm2.ekAnchors).toBeUndefined();
    expect(pool({ tpm2: { allowEkWithoutCertificate: true } })?.tpm2.ekAnchors?.pool.size).toBe(1);
    expect(compile().pools.get('elsewhere' as PoolName)).toBeUndefined();
  });

  test('the version is that of the demands: it moves with each of them, and with what the files hold', () => {
    const versions = [
      compile(),
      compile({ certificateTtl: '2h' }),
      compile({ deniedEks: ['00'.repeat(32)] }),
      compile({ tpm2: { allowSoftwareTpm: true } }),
      compile({ tpm2: { ekAnchors: [] } }),
      compile({}, filesWith({ ...reference, pcrs: { ...reference.pcrs, 0: 'ff'.repeat(32) } })),
      compile({}, { ...files, anchors: new Map([['lab.pem', labNode().ca.pem]]) }),
    ].map(({ version }) => version);
    expect(new Set(versions).size).toBe(versions.length);
    expect(versions[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(compile().version).toBe(versions[0]);
  });
});
