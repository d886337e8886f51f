import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import { concatBytes, fromHex, toHex, utf8 } from '#core/bytes.ts';
import { digest } from '#core/digest.ts';
import { appraiseIma } from '#attestation/measured-boot/ima/appraise-ima.ts';
import { compileImaPolicy } from '#attestation/measured-boot/ima/compile-ima-policy.ts';
import { signatureKey } from '#attestation/measured-boot/ima/signature-key.ts';
import { imaPolicySchema } from '#protocol/ima-policy.ts';
import { digestField, imaNg } from '#test/lab/ima-log-builder.ts';
import {
  bootAggregate,
  bufferRecord,
  GOOD_IMA_POLICY,
  GOOD_LIST,
  hexOf,
  imaAppraisal,
  imaInput,
  imaPolicy,
  type ImaPolicyText,
  KUBELET,
  signedRecord,
  verifiedIma,
  violation,
} from '#test/lab/ima-list.ts';

const OTHER = `sha256:${'ab'.repeat(32)}`;
const changed = (change: Partial<ImaPolicyText>): ImaPolicyText => ({ ...GOOD_IMA_POLICY, ...change });
const file = (path: string, content: string) => imaNg(path, digest('sha256', utf8(content)));

describe('a file is accepted', () => {
  test('by digest, or by path and digest', () => {
    expect(imaAppraisal(GOOD_LIST)).toBe('accepted');
  });

  test.each<[string, Partial<ImaPolicyText>, readonly string[]]>([
    ['no digest', { digests: [] }, ['ima-file-refused']],
    ['another digest', { digests: [OTHER] }, ['ima-file-refused']],
    ['another digest at its path', { files: { '/usr/bin/kubelet': [OTHER] } }, ['ima-file-refused']],
    ['no digest at its path', { files: { '/usr/bin/kubelet': [] } }, ['ima-file-refused']],
    [
      'its digest at another path',
      { files: { '/usr/bin/kubelet2': [`sha256:${hexOf('kubelet')}`] } },
      ['ima-file-refused'],
    ],
    ['nothing', { digests: [], files: {} }, ['ima-file-refused', 'ima-file-refused']],
    ['its digest as one of fs-verity', { digests: [`verity:sha256:${hexOf('shell')}`] }, ['ima-file-refused']],
    ['its digest in another hash', { digests: [`sha512:${hexOf('shell')}${hexOf('shell')}`] }, ['ima-file-refused']],
  ])('but not by %s', (_what, change, expected) => {
    expect(imaAppraisal(GOOD_LIST, changed(change))).toEqual(expected);
  });

  test('by the digest that fs-verity gives it', () => {
    const record = {
      template: 'ima-ngv2',
      fields: [digestField('verity:sha256', digest('sha256', utf8('x'))), utf8('/x\0')],
    };
    expect(imaAppraisal([bootAggregate(), record])).toEqual(['ima-file-refused']);
    expect(imaAppraisal([bootAggregate(), record], changed({ digests: [`verity:sha256:${hexOf('x')}`] }))).toBe(
      'accepted',
    );
    expect(imaAppraisal([bootAggregate(), record], changed({ digests: [`sha256:${hexOf('x')}`] }))).toEqual([
      'ima-file-refused',
    ]);
  });

  test('not without a digest or a name', () => {
    const nameless = {
      template: 'd-ng|sig',
      fields: [digestField('sha256', digest('sha256', utf8('x'))), new Uint8Array()],
    };
    const withoutDigest = { template: 'n-ng|sig', fields: [utf8('/x\0'), new Uint8Array()] };
    expect(imaAppraisal([bootAggregate(), nameless, withoutDigest])).toEqual(['ima-file-refused', 'ima-file-refused']);
  });

  const excludes = ['/var/log/', '/etc/machine-id'];
  test.each<[string, string, readonly string[] | 'accepted']>([
    ['a file that is excluded by itself', '/etc/machine-id', 'accepted'],
    ['a file whose name goes on', '/etc/machine-id2', ['ima-file-refused']],
    ['a file below it', '/etc/machine-id/x', ['ima-file-refused']],
    ['a path below', '/var/log/journal/x', 'accepted'],
    ['the folder by another name', '/var/log2/x', ['ima-file-refused']],
    ['the folder somewhere else', '/opt/var/log/x', ['ima-file-refused']],
    ['the folder itself', '/var/log', ['ima-file-refused']],
    ['a path out of it', '/var/lo/g', ['ima-file-refused']],
  ])('where its path is excluded: %s', (_what, path, expected) => {
    expect(imaAppraisal([...GOOD_LIST, file(path, 'other')], changed({ excludes }))).toEqual(expected);
  });
});

describe('a violation', () => {
  const list = [...GOOD_LIST, violation('/var/log/x')];
  const excludes = ['/var/log/'];
  test.each<[string, Partial<ImaPolicyText>, readonly string[] | 'accepted']>([
    ['is refused', {}, ['ima-violation']],
    ['is refused where its path is excluded', { excludes }, ['ima-violation']],
    ['is refused where its path is not', { violations: 'allow-excluded' }, ['ima-violation']],
    ['may be allowed where it is', { violations: 'allow-excluded', excludes }, 'accepted'],
  ])('%s', (_what, change, expected) => {
    expect(imaAppraisal(list, changed(change))).toEqual(expected);
  });
});

describe('what was measured of memory', () => {
  const key = bufferRecord('.ima', utf8('key'));
  const cmdline = bufferRecord('kexec-cmdline', utf8('ro'));
  test.each<[string, Partial<ImaPolicyText>, readonly string[] | 'accepted']>([
    ['unknown', {}, ['ima-key-refused', 'ima-buffer-refused']],
    ['known', { keyrings: { '.ima': [hexOf('key')] }, buffers: { 'kexec-cmdline': [hexOf('ro')] } }, 'accepted'],
    [
      'another key',
      { keyrings: { '.ima': [hexOf('other')] }, buffers: { 'kexec-cmdline': [hexOf('ro')] } },
      ['ima-key-refused'],
    ],
    [
      'a key of another keyring',
      { keyrings: { '.evm': [hexOf('key')] }, buffers: { 'kexec-cmdline': [hexOf('ro')] } },
      ['ima-key-refused'],
    ],
    [
      'another buffer',
      { keyrings: { '.ima': [hexOf('key')] }, buffers: { 'kexec-cmdline': [] } },
      ['ima-buffer-refused'],
    ],
  ])('%s', (_what, change, expected) => {
    expect(imaAppraisal([...GOOD_LIST, key, cmdline], changed(change))).toEqual(expected);
  });

  test('is known by its bytes, not by the digest beside them', () => {
    const lying = {
      ...key,
      fields: [digestField('sha256', digest('sha256', utf8('key'))), utf8('.ima\0'), utf8('other')],
    };
    expect(imaAppraisal([...GOOD_LIST, lying], changed({ keyrings: { '.ima': [hexOf('key')] } }))).toEqual([
      'ima-key-refused',
    ]);
  });
});

interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

describe('a file signature', () => {
  const rsa: KeyPair = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const ec: KeyPair = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const pem = (pair: KeyPair) => pair.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const idOf = (pair: KeyPair) => fromHex(signatureKey(pem(pair))?.keyId ?? '');
  const CONTENT = utf8('signed file');
  const HASH_ALGO = { sha256: 4, sha384: 5, sha512: 6, sha1: 2 } as const;
  type Hash = keyof typeof HASH_ALGO;
  const imasig = (pair: KeyPair, hash: Hash = 'sha256', content = CONTENT) => {
    const signature = sign(hash, content, pair.privateKey);
    return concatBytes(
      Buffer.of(3, 2, HASH_ALGO[hash]),
      idOf(pair),
      Buffer.of(signature.byteLength >> 8, signature.byteLength & 255),
      signature,
    );
  };
  const record = (signature: Uint8Array, hash: Hash = 'sha256') =>
    signedRecord('/usr/bin/signed', digestField(hash, digest(hash, CONTENT)), signature);
  const verdict = (signed: ReturnType<typeof record>, ...keys: readonly KeyPair[]) =>
    imaAppraisal([...GOOD_LIST, signed], changed({ signatureKeys: keys.map(pem) }));
  const changedAt = (bytes: Uint8Array, at: number) => Buffer.from(bytes).fill((bytes.at(at) ?? 0) ^ 1, at, at + 1);

  test.each([
    ['RSA', rsa, 'sha256'],
    ['RSA', rsa, 'sha384'],
    ['RSA', rsa, 'sha512'],
    ['ECDSA', ec, 'sha256'],
    ['ECDSA', ec, 'sha384'],
    ['ECDSA', ec, 'sha512'],
  ] as const)('of %s (%#) is accepted by a pinned key', (_what, pair, hash) => {
    expect(verdict(record(imasig(pair, hash), hash), rsa, ec)).toBe('accepted');
  });

  const good = imasig(rsa);
  test.each([
    ['without a pinned key', record(good), [], ['ima-file-refused']],
    ['by another key than the pinned one', record(good), [ec], ['ima-file-refused']],
    ['over another file', record(imasig(rsa, 'sha256', utf8('other'))), [rsa], ['ima-file-refused']],
    ['over another file, ECDSA', record(imasig(ec, 'sha256', utf8('other'))), [ec], ['ima-file-refused']],
    ['in SHA-1', record(imasig(rsa, 'sha1'), 'sha1'), [rsa], ['ima-file-refused']],
    ['in SHA-1, ECDSA', record(imasig(ec, 'sha1'), 'sha1'), [ec], ['ima-file-refused']],
    ['in another hash than the record’s', record(imasig(rsa, 'sha384')), [rsa], ['ima-file-refused']],
    ['in another hash than it says, ECDSA', record(changedAt(imasig(ec), 2)), [ec], ['ima-file-refused']],
    ['that names another key', record(changedAt(good, 4)), [rsa], ['ima-file-refused']],
    ['that was changed', record(changedAt(good, 100)), [rsa], ['ima-file-refused']],
    ['that is cut', record(good.subarray(0, -1)), [rsa], ['ima-file-refused']],
    ['that is not there', record(new Uint8Array()), [rsa], ['ima-file-refused']],
    ['said to be EVM’s', record(concatBytes(Buffer.of(5), good.subarray(1))), [rsa], ['ima-file-refused']],
    ['said to be fs-verity’s', record(concatBytes(Buffer.of(6, 3), good.subarray(2))), [rsa], ['ima-file-refused']],
  ] as const)('is not accepted %s', (_what, signed, keys, expected) => {
    expect(verdict(signed, ...keys)).toEqual(expected);
  });

  test('is tried with every key of its identifier', () => {
    const keys = [rsa, ec].map(pem);
    const compiled = imaPolicy(changed({ signatureKeys: [...keys, ...keys] }));
    expect([...compiled.keys.values()].map((of) => of.length)).toEqual([2, 2]);
    expect(verdict(record(imasig(ec)), rsa, rsa, ec)).toBe('accepted');
  });

  test('of fs-verity is over the structure that names the digest', () => {
    const value = digest('sha256', CONTENT);
    const signature = sign('sha256', concatBytes(Buffer.of(6, 4), value), rsa.privateKey);
    const imasigV3 = concatBytes(Buffer.of(6, 3, 4), idOf(rsa), Buffer.of(1, 0), signature);
    const verity = signedRecord('/x', digestField('verity:sha256', value), imasigV3, 'ima-sigv2');
    expect(verdict(verity, rsa)).toBe('accepted');
    expect(verdict(signedRecord('/x', digestField('ima:sha256', value), imasigV3, 'ima-sigv2'), rsa)).toEqual([
      'ima-file-refused',
    ]);
    expect(verdict(signedRecord('/x', digestField('verity:sha256', value), imasig(rsa), 'ima-sigv2'), rsa)).toEqual([
      'ima-file-refused',
    ]);
  });

  test('is verified once, and after some that failed no more are', () => {
    const calls: string[] = [];
    const key = { keyId: '00000001', verifies: (_hash: string, value: Uint8Array) => calls.push(toHex(value)) < 0 };
    const policy = { ...imaPolicy(GOOD_IMA_POLICY), keys: new Map([[key.keyId, [key]]]) };
    const signature = fromHex('030204000000010001ff');
    const files = Array.from({ length: 40 }, (_, at) =>
      signedRecord(`/f${at}`, digestField('sha256', digest('sha256', Buffer.of(at >> 1))), signature),
    );
    const ima = verifiedIma(imaInput([...GOOD_LIST, ...files]));
    const { results } = appraiseIma({ ima, policy, commandLines: ['ima_policy=tcb'], acceptedBefore: false });
    expect(results.find(({ fact }) => fact === 'ima-files')?.found).toContain('and 32 more');
    expect([calls.length, new Set(calls).size]).toEqual([16, 16]);
  });

  test('is verified for as many files as were really signed', () => {
    const files = Array.from({ length: 20 }, (_, at) => {
      const content = utf8(`file ${at}`);
      return signedRecord(`/f${at}`, digestField('sha256', digest('sha256', content)), imasig(rsa, 'sha256', content));
    });
    expect(imaAppraisal([...GOOD_LIST, ...files], changed({ signatureKeys: [pem(rsa)] }))).toBe('accepted');
  });

  test('said to be EVM’s is not one over fs-verity’s structure', () => {
    const value = digest('sha256', CONTENT);
    const signature = sign('sha256', concatBytes(Buffer.of(6, 4), value), rsa.privateKey);
    const evm = concatBytes(Buffer.of(5, 2, 4), idOf(rsa), Buffer.of(1, 0), signature);
    const verity = signedRecord('/x', digestField('verity:sha256', value), evm, 'ima-sigv2');
    expect(verdict(verity, rsa)).toEqual(['ima-file-refused']);
  });

  test('makes no violation good', () => {
    const bad = { ...record(good), templateHash: new Uint8Array(20) };
    expect(imaAppraisal([...GOOD_LIST, bad], changed({ signatureKeys: [pem(rsa)] }))).toEqual(['ima-violation']);
  });

  test.each([
    ['a private key', rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()],
    [
      'a short RSA key',
      generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    ],
    ['an Ed25519 key', generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString()],
    ['no PEM', 'key'],
    ['two keys', pem(rsa) + pem(ec)],
  ])('is not by %s', (_what, text) => {
    expect(compileImaPolicy(imaPolicySchema.parse(changed({ signatureKeys: [pem(ec), text] })))).toEqual({ badKey: 1 });
  });
});

describe('what the kernel measures', () => {
  const policyFile = { '/etc/ima/ima-policy': [`sha256:${hexOf('measure everything')}`] };
  const list = [...GOOD_LIST, file('/etc/ima/ima-policy', 'measure everything')];
  const known = (
    measurementPolicy: ImaPolicyText['measurementPolicy'],
    commandLines: readonly string[] | undefined,
    acceptedBefore = false,
  ) => {
    const policy = imaPolicy(changed({ measurementPolicy, files: { ...GOOD_IMA_POLICY.files, ...policyFile } }));
    return appraiseIma({ ima: verifiedIma(imaInput(list)), policy, commandLines, acceptedBefore }).denials.map(
      ({ code }) => code,
    );
  };
  const tokens = { commandLineTokens: ['ima_policy=tcb', 'ima=on'] };

  test.each<[string, ImaPolicyText['measurementPolicy'], readonly string[] | undefined, boolean, readonly string[]]>([
    ['by the words of the command line', tokens, ['ro ima_policy=tcb ima=on'], false, []],
    ['not by some of them', tokens, ['ro ima_policy=tcb'], false, ['ima-measurement-policy']],
    ['not by a part of one', tokens, ['ima_policy=tcbx ima=on'], false, ['ima-measurement-policy']],
    ['not by two command lines', tokens, ['ima_policy=tcb ima=on', 'ro'], false, ['ima-measurement-policy']],
    ['not by none', tokens, [], false, ['ima-measurement-policy']],
    ['not by one that is not proven', tokens, undefined, false, ['ima-measurement-policy']],
    ['by a policy file that was measured', { files: policyFile }, [], false, []],
    ['not by another', { files: { '/etc/ima/ima-policy': [OTHER] } }, [], false, ['ima-measurement-policy']],
    [
      'not at another path',
      { files: { '/etc/x': Object.values(policyFile).flat() } },
      [],
      false,
      ['ima-measurement-policy'],
    ],
    ['not by a policy without words and files', {}, ['ima_policy=tcb'], false, ['ima-measurement-policy']],
    ['not by a claim at the start of a boot', {}, [], true, ['ima-measurement-policy']],
  ])('is known %s', (_what, policy, lines, before, expected) => {
    expect(known(policy, lines, before)).toEqual(expected);
  });

  test('may be known from earlier evidence of the boot', () => {
    const previous = verifiedIma(imaInput(GOOD_LIST)).state;
    const input = { ...imaInput([]), firstRecord: GOOD_LIST.length, previous };
    const ima = verifiedIma({ ...input, quotedPcrs: imaInput(GOOD_LIST).quotedPcrs });
    const policy = imaPolicy(changed({ measurementPolicy: { files: policyFile } }));
    const appraise = (acceptedBefore: boolean) =>
      appraiseIma({ ima, policy, commandLines: [], acceptedBefore }).denials.length;
    expect([appraise(true), appraise(false)]).toEqual([0, 1]);
  });

  test('a policy file that is a violation shows nothing', () => {
    const policy = imaPolicy(changed({ measurementPolicy: { files: policyFile } }));
    const bad = { ...file('/etc/ima/ima-policy', 'measure everything'), templateHash: new Uint8Array(20) };
    const ima = verifiedIma(imaInput([...GOOD_LIST, bad]));
    const { denials } = appraiseIma({ ima, policy, commandLines: [], acceptedBefore: false });
    expect(denials.map(({ code }) => code)).toEqual(['ima-measurement-policy', 'ima-violation']);
  });
});

describe('a list that goes on', () => {
  const bad = file('/bin/evil', 'evil');
  const before = verifiedIma(imaInput([...GOOD_LIST, bad])).state;
  const codes = (
    list: Parameters<typeof imaInput>[0],
    acceptedBefore: boolean,
    previous: typeof before | undefined,
  ) => {
    const ima = verifiedIma(imaInput(list, { previous }));
    const policy = imaPolicy(GOOD_IMA_POLICY);
    return appraiseIma({ ima, policy, commandLines: ['ima_policy=tcb'], acceptedBefore }).denials.map(
      ({ found }) => found?.split(' ')[0],
    );
  };
  const list = [...GOOD_LIST, bad];

  test.each<[string, Parameters<typeof imaInput>[0], boolean, typeof before | undefined, readonly string[]]>([
    ['is not judged again as far as the same policy accepted it', list, true, before, []],
    ['is judged where it is new', [...list, file('/bin/worse', 'worse')], true, before, ['/bin/worse']],
    ['is judged whole by another policy', list, false, before, ['/bin/evil']],
    ['is judged whole from a boot on', list, true, undefined, ['/bin/evil']],
  ])('%s', (_what, records, accepted, previous, expected) => {
    expect(codes(records, accepted, previous)).toEqual(expected);
  });
});

test('a refusal lists records up to a number that a person can read, and says how many there are', () => {
  const ima = verifiedIma(
    imaInput([bootAggregate(), ...Array.from({ length: 100 }, (_, at) => file(`/f${at}`, `${at}`))]),
  );
  const { results, denials } = appraiseIma({
    ima,
    policy: imaPolicy(GOOD_IMA_POLICY),
    commandLines: ['ima_policy=tcb'],
    acceptedBefore: false,
  });
  expect([denials.length, denials.at(-1)?.detail, denials[0]?.found]).toEqual([
    16,
    'and 84 more',
    `/f0 sha256:${hexOf('0')} (record 1)`,
  ]);
  expect(results.find(({ fact }) => fact === 'ima-files')?.found).toContain('and 92 more');
  expect(imaAppraisal([bootAggregate(), KUBELET])).toBe('accepted');
});
