import { describe, expect, test } from 'vitest';

import { measuredBootPcrs, referencePcrsOf } from '#attestation/measured-boot/required-pcrs.ts';
import type { PoolPolicy } from '#protocol/policy.ts';
import { bootPolicy, type PolicyText } from '#test/lab/boot-policy.ts';

const DIGEST = 'ab'.repeat(32);
const NOTHING: PolicyText = {
  secureBoot: 'not-required',
  dmaProtection: 'not-required',
  exitBootServices: 'not-required',
};

describe('a demand needs the PCRs that show its fact', () => {
  test.each<[string, PolicyText, readonly number[]]>([
    ['nothing', {}, []],
    ['Secure Boot', { secureBoot: 'required' }, [4, 7]],
    ['DMA protection', { dmaProtection: 'required' }, [4, 7]],
    ['authorities', { authorities: [] }, [4, 7]],
    ['digests in dbx', { dbxIncludes: [] }, [4, 7]],
    ['entries in dbx', { dbxMinimumEntries: 1 }, [4, 7]],
    ['an SBAT level', { sbatAtLeast: { date: '2025021800' } }, [4, 7]],
    ['the end of the boot', { exitBootServices: 'required' }, [5]],
    ['the end of the boot, logged or not', { exitBootServices: 'unlogged-allowed' }, [5]],
    ['no MOKs', { mok: 'empty' }, [7, 14]],
    ['known MOKs', { mok: { known: [DIGEST] } }, [7, 14]],
    ['boot applications', { bootApplications: { anyOf: [] } }, [4]],
    ['kernels', { kernelDigests: [] }, [4]],
    ['GRUB’s commands', { grubCommands: [] }, [8]],
    ['command lines', { commandLines: {} }, [8, 12]],
    ['files', { loaderFiles: [] }, [9]],
    ['initial RAM disks', { initrdDigests: [] }, [9]],
    ['a unified kernel image', { uki: { sections: {} } }, [11, 12, 13]],
    ['two demands, each PCR once', { commandLines: {}, grubCommands: [], mok: 'empty' }, [7, 8, 12, 14]],
  ])('%s', (_what, demands, pcrs) => {
    expect(measuredBootPcrs(bootPolicy({ ...NOTHING, ...demands }))).toEqual(pcrs);
  });
});

describe('reference values are', () => {
  const ima = {} as NonNullable<PoolPolicy['tpm2']['ima']>;
  const policyOf = (members: object) => ({ pcrs: [0, 7, 10], ...members }) as unknown as PoolPolicy['tpm2'];
  test.each([
    ['of every PCR of the pool', {}, [0, 7, 10]],
    ['of those that the policy names', { referencePcrs: [7] }, [7]],
    ['of none where the policy names none', { referencePcrs: [] }, []],
    ['not of PCR 10 where its list is judged', { ima }, [0, 7]],
  ])('%s', (_what, members, pcrs) => {
    expect(referencePcrsOf(policyOf(members))).toEqual(pcrs);
  });
});
