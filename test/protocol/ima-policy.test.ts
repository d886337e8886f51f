import { describe, expect, test } from 'vitest';

import { imaPolicySchema } from '#protocol/ima-policy.ts';

const GOOD = { measurementPolicy: { commandLineTokens: ['ima_policy=tcb'] } };
const accepts = (change: object) => imaPolicySchema.safeParse({ ...GOOD, ...change }).success;
const HEX = 'ab'.repeat(32);

describe('the policy for IMA lists', () => {
  test('accepts nothing that it does not name, and says how it is known what is measured', () => {
    expect(imaPolicySchema.parse(GOOD)).toMatchObject({
      violations: 'refuse',
      digests: [],
      files: {},
      signatureKeys: [],
      keyrings: {},
      buffers: {},
      excludes: [],
      measurementPolicy: { files: {} },
    });
    expect(imaPolicySchema.safeParse({}).success).toBe(false);
    expect(accepts({ exclude: [] })).toBe(false);
  });

  test.each([
    [`sha256:${HEX}`, true],
    [`verity:sha256:${HEX}`, true],
    [`sha384:${HEX}${HEX.slice(32)}`, true],
    [`sha512:${HEX}${HEX}`, true],
    [`sha256:${HEX}ab`, false],
    [`sha256:${HEX.slice(2)}`, false],
    [`sha384:${HEX}`, false],
    [`sha1:${HEX.slice(24)}`, false],
    [`sha256:${HEX.toUpperCase()}`, false],
    [`ima:sha256:${HEX}`, false],
    [HEX, false],
  ])('names the digest %s: %s', (digest, expected) => {
    expect(accepts({ digests: [digest] })).toBe(expected);
    expect(accepts({ files: { '/x': [digest] } })).toBe(expected);
  });

  test.each([
    ['/var/log/', true],
    ['/var/lib/containerd/', true],
    ['/', false],
    ['/usr/', false],
    ['/usr/bin/', false],
    ['/usr/bin/x/', false],
    ['/usr/share/doc/', true],
    ['/tmp/', false],
    ['/tmp/x/', false],
    ['/var/', false],
    ['/etc/', false],
    ['/etc/ssl/', true],
    ['/etc/machine-id', true],
    ['/etc/hostname', true],
    ['/usr/bin', false],
    ['/usr/bin/x', false],
    ['/usr', false],
    ['/var/tmp/x', false],
    ['/etc/systemd', false],
    ['/var/log/..', false],
    ['/etc/.', false],
    ['var/log/', false],
    ['/var/../usr/bin/', false],
    ['/var/./log/', false],
    ['/var//log/', false],
    ['/var/log\n/', false],
    ['.*', false],
  ])('excludes %j: %s', (prefix, expected) => {
    expect(accepts({ excludes: [prefix] })).toBe(expected);
  });

  test.each([
    [{ keyrings: { '.ima': [HEX] } }, true],
    [{ keyrings: { ima: [HEX] } }, false],
    [{ buffers: { 'kexec-cmdline': [HEX] } }, true],
    [{ buffers: { 'kexec-cmdline': [`sha256:${HEX}`] } }, false],
    [{ files: { 'usr/bin/x': [] } }, false],
    [{ violations: 'allow' }, false],
  ])('takes %j: %s', (change, expected) => {
    expect(accepts(change)).toBe(expected);
  });
});
