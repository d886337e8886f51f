import { describe, expect, test } from 'vitest';

import { measuredBootPolicySchema } from '#protocol/measured-boot-policy.ts';

const accepts = (policy: object) => measuredBootPolicySchema.safeParse(policy).success;
const HEX = 'ab'.repeat(32);

describe('the policy for boots', () => {
  test('asks for the stricter thing where something is left out', () => {
    expect(measuredBootPolicySchema.parse({})).toEqual({
      secureBoot: 'required',
      dmaProtection: 'required',
      exitBootServices: 'required',
      allowPaddedAuthorities: false,
      driverAuthorities: [],
      firmwareApplications: [],
    });
    expect(accepts({ secureboot: 'required' })).toBe(false);
  });

  test.each([
    [{ bootApplications: { stages: [[HEX]] } }, true],
    [{ bootApplications: { anyOf: [HEX] } }, true],
    [{ bootApplications: { anyOf: [HEX], stages: [[HEX]] } }, false],
    [{ bootApplications: {} }, false],
    [{ kernelDigests: [HEX] }, true],
    [{ kernelDigests: [HEX + HEX.slice(32)] }, true],
    [{ kernelDigests: [HEX.slice(24)] }, false],
    [{ kernelDigests: [HEX.toUpperCase()] }, false],
    [{ dbxIncludes: [HEX] }, true],
    [{ dbxIncludes: [HEX + HEX.slice(32)] }, false],
    [{ commandLines: { exact: ['/vmlinuz ro quiet'] } }, true],
    [{ commandLines: { exact: ['/vmlinuz\nro'] } }, false],
    [{ commandLines: { exact: ['\u{fffd}'] } }, false],
    [{ commandLines: { tokens: ['ro'], requiredTokens: ['ro'] } }, true],
    [{ commandLines: { tokens: ['ro'], requiredTokens: ['quiet'] } }, false],
    [{ commandLines: { tokens: ['ro quiet'] } }, false],
    [{ commandLines: { tokens: ['a="b'] } }, false],
    [{ commandLines: { tokens: ["a='b"] } }, false],
    [{ commandLines: { tokens: ['a\\'] } }, false],
    [{ grubCommands: ['menuentry x {\n\tlinux /vmlinuz\n}'] }, true],
    [{ grubCommands: ['x\0'] }, false],
    [{ grubCommands: ['\u{fffd}'] }, false],
    [{ sbatAtLeast: { date: '2025021800', generations: { shim: 4 } } }, true],
    [{ sbatAtLeast: { date: '20250218' } }, false],
    [{ sbatAtLeast: { date: '2025021800', generations: { shim: 0 } } }, false],
    [{ mok: 'empty' }, true],
    [{ mok: 'any' }, false],
    [{ mok: { known: [HEX] } }, true],
    [{ uki: { sections: { '.linux': [HEX] } } }, true],
    [{ uki: { sections: { linux: [HEX] } } }, false],
    [{ exitBootServices: 'optional' }, false],
  ])('takes %j: %s', (policy, expected) => {
    expect(accepts(policy)).toBe(expected);
  });
});
