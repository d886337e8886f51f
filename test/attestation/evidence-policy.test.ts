import { describe, expect, test } from 'vitest';

import type { PoolName } from '#core/ids.ts';
import { compilePolicy, type PolicyFiles } from '#attestation/evidence-policy.ts';
import { type ReferenceValuesDocument, referenceValuesSchema } from '#protocol/policy.ts';
import { LAB_POOL, type LabPolicyOptions, labPolicyDocument, labReferenceValues } from '#test/lab/tpm-appraisal.ts';
import { labKey } from '#test/lab/node-ca.ts';
import { LAB_SIGNER, newLabSigner, signManifest } from '#test/lab/reference-signer.ts';
import { labNode } from '#test/lab/tpm-evidence.ts';

const node = labNode();
const reference = labReferenceValues(node);
const filesWith = (document: ReferenceValuesDocument): PolicyFiles => ({
  referenceValues: new Map([['image-1', document]]),
  anchors: new Map([
    ['lab.pem', node.ca.pem],
    ['broken.pem', '-----BEGIN CERTIFICATE-----\n'],
  ]),
  referenceSigners: new Map([
    ['signer.pem', LAB_SIGNER.pem],
    ['certificate.pem', node.ca.pem],
    ['p256.pem', newLabSigner(labKey()).pem],
    ['broken.pem', '-----BEGIN PUBLIC KEY-----\n'],
  ]),
});
const files = filesWith(reference);
const signedFiles = filesWith(signManifest(reference));

const filesFor = ({ protectionRating = 'default' }: LabPolicyOptions): PolicyFiles =>
  protectionRating === 'default' ? files : signedFiles;
const errorsOf = (options: LabPolicyOptions, given = filesFor(options)): readonly string[] => {
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
      { protectionRating: 'protected', tpm2: { pcrs: [4, 5, 7, 16, 23], referenceValues: [] } },
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
    const unordered = pool({ tpm2: { pcrs: [11, 4, 7, 2], referenceValues: [] } })?.tpm2;
    expect([unordered?.pcrs, unordered?.referencePcrs]).toEqual([
      [2, 4, 7, 11],
      [2, 4, 7, 11],
    ]);
    expect(pool({})?.tpm2.ekAnchors?.pool.size).toBe(1);
    expect(pool({ tpm2: { ekAnchors: [] } })?.tpm2.ekAnchors?.pool.size).toBe(0);
    expect(pool({ tpm2: { ekAnchors: [], allowEkWithoutCertificate: true } })?.tpm2.ekAnchors).toBeUndefined();
    expect(pool({ tpm2: { allowEkWithoutCertificate: true } })?.tpm2.ekAnchors?.pool.size).toBe(1);
    expect(compile().pools.get('elsewhere' as PoolName)).toBeUndefined();
  });

  test('a node is called back where the pool says, or not at all', () => {
    const callbackOf = (pool: NonNullable<LabPolicyOptions['pool']>) => compile({ pool }).pools.get(LAB_POOL)?.callback;
    expect(callbackOf({ callback: { port: 9_999, timeout: '7s' } })).toEqual({ port: 9_999, timeoutSeconds: 7 });
    expect(callbackOf({})).toBeUndefined();
  });

  test('a pool by a name that is none is an error, and the other pools are looked at all the same', () => {
    const document = labPolicyDocument({ protectionRating: 'protected', certificateTtl: '24h' });
    const [pool] = Object.values(document.pools);
    if (pool === undefined) throw new Error('the document has no pool');
    const compiled = compilePolicy(
      { ...document, pools: { ['No Pool' as PoolName]: pool, [LAB_POOL]: pool } },
      signedFiles,
    );
    expect(compiled.ok ? [] : compiled.errors.map(({ path }) => path)).toEqual([
      '/pools/No Pool',
      '/pools/general/certificateTtl',
    ]);
  });

  test('the version is that of the demands: it moves with each of them, and with what the files hold', () => {
    const versions = [
      compile(),
      compile({ certificateTtl: '2h' }),
      compile({ deniedEks: ['00'.repeat(32)] }),
      compile({ tpm2: { allowSoftwareTpm: true } }),
      compile({ referenceSigners: ['signer.pem'] }, signedFiles),
      compile({ referenceSigners: ['signer.pem'] }, filesWith(signManifest(reference, { version: 2 }))),
      compile({ tpm2: { ekAnchors: [] } }),
      compile({}, filesWith({ ...reference, pcrs: { ...reference.pcrs, 0: 'ff'.repeat(32) } })),
      compile({}, { ...files, anchors: new Map([['lab.pem', labNode().ca.pem]]) }),
    ].map(({ version }) => version);
    expect(new Set(versions).size).toBe(versions.length);
    expect(versions[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(compile().version).toBe(versions[0]);
  });
});

describe('signed reference values', () => {
  const AT = ['/pools/general/tpm2/referenceValues/0'];
  const SIGNERS = ['signer.pem'];
  const signed = signManifest(reference);
  const other = newLabSigner();
  const { signature, ...unsigned } = signed;
  if (signature === undefined) throw new Error('the lab signs');
  const ROWS: readonly [string, LabPolicyOptions, ReferenceValuesDocument, readonly string[]][] = [
    ['protected: signed', { protectionRating: 'protected' }, signed, []],
    ['protected: unsigned', { protectionRating: 'protected' }, reference, AT],
    ['highly protected: unsigned', { protectionRating: 'highly-protected', certificateTtl: '1h' }, reference, AT],
    ['protected: unsigned, no signers', { protectionRating: 'protected', referenceSigners: [] }, reference, AT],
    ['protected: signed, no signers', { protectionRating: 'protected', referenceSigners: [] }, signed, AT],
    ['default: unsigned, no signers', {}, reference, []],
    ['default: unsigned, with signers', { referenceSigners: SIGNERS }, reference, AT],
    ['default: signed', { referenceSigners: SIGNERS }, signed, []],
    ['default: signed by nobody whom the policy knows', {}, signed, AT],
    ['another signer', { referenceSigners: SIGNERS }, signManifest(reference, {}, other), AT],
    [
      'another signer under the right one’s key id',
      { referenceSigners: SIGNERS },
      { ...unsigned, signature: { ...signManifest(reference, {}, other).signature, key: LAB_SIGNER.keyId } as never },
      AT,
    ],
    ['a later version, not signed again', { referenceSigners: SIGNERS }, { ...signed, version: 2 }, AT],
    [
      'a later end, not signed again',
      { referenceSigners: SIGNERS },
      { ...signed, expires: '2050-01-01T00:00:00Z' },
      AT,
    ],
    ['another name, not signed again', { referenceSigners: SIGNERS }, { ...signed, name: 'image-2' }, AT],
    [
      'a value changed, not signed again',
      { referenceSigners: SIGNERS },
      { ...signed, pcrs: { ...signed.pcrs, 0: 'ff'.repeat(32) } },
      AT,
    ],
    [
      'signed for another pool',
      { referenceSigners: SIGNERS },
      signManifest(reference, { pools: ['elsewhere' as PoolName] }),
      AT,
    ],
    ['unsigned, for another pool', {}, { ...reference, pools: ['elsewhere' as PoolName] }, AT],
  ];
  test.each(ROWS)('%s', (_, options, document, expected) => {
    expect(errorsOf(options, filesWith(document))).toEqual(expected);
  });

  test.each(['none.pem', 'certificate.pem', 'p256.pem', 'broken.pem'])('%s is no signer', (file) => {
    expect(errorsOf({ referenceSigners: ['signer.pem', file] }, signedFiles)).toEqual(['/referenceSigners/1']);
  });

  test('two versions of one name may be in force at once; the same version twice may not', () => {
    const two = (second: ReferenceValuesDocument): PolicyFiles => ({
      ...signedFiles,
      referenceValues: new Map([
        ['a', signed],
        ['b', second],
      ]),
    });
    const options = { referenceSigners: SIGNERS, tpm2: { referenceValues: ['a', 'b'] } };
    expect(errorsOf(options, two(signManifest(reference, { version: 2 })))).toEqual([]);
    expect(errorsOf(options, two(signManifest(reference, { expires: '2039-01-01T00:00:00Z' })))).toEqual([
      '/pools/general/tpm2/referenceValues',
    ]);
  });

  test.each(['version', 'pools', 'notBefore', 'expires'] as const)('a signed manifest says its %s', (member) => {
    const { [member]: _, ...rest } = signed;
    expect(referenceValuesSchema.safeParse(signed).success).toBe(true);
    expect(referenceValuesSchema.safeParse(rest).error?.issues.map(({ path }) => path)).toEqual([[member]]);
    const { signature: __, ...neither } = rest;
    expect(referenceValuesSchema.safeParse(neither).success).toBe(true);
  });

  test('a manifest begins before it ends', () => {
    const { notBefore } = signed;
    expect(referenceValuesSchema.safeParse({ ...signed, expires: notBefore }).success).toBe(false);
  });
});
