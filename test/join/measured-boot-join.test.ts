import { readFileSync } from 'node:fs';
import { join as joinPath } from 'node:path';

import { describe, expect, test } from 'vitest';

import { compilePolicy, type Policy } from '#attestation/evidence-policy.ts';
import type { Bytes } from '#core/bytes.ts';
import { policySchema } from '#protocol/policy.ts';
import { answerOf, challengeFor, type JoinLab, joinLab, lastDenials, submit, told } from '#test/lab/join-lab.ts';
import { labTpm } from '#test/lab/software-tpm.ts';

const VECTORS = joinPath(import.meta.dirname, '../vectors/ovmf-debian12');

/** A boot of a real machine: its event log, and the PCR values that it left. */
interface Boot {
  readonly log: Bytes;
  readonly pcrs: Readonly<Record<string, string>>;
}

function realBoot(name: string): Boot {
  const pcrs: { sha256: Record<string, string> } = JSON.parse(
    readFileSync(joinPath(VECTORS, `${name}.pcrs.json`), 'utf8'),
  );
  return { log: readFileSync(joinPath(VECTORS, `${name}.evl`)), pcrs: pcrs.sha256 };
}

const GOOD = realBoot('good');
const KERNEL_SHORTCUT = realBoot('kernel-shortcut');

/** A pool that asks for Secure Boot by the event log, and for no known PCR values. */
function bootPolicy(boot: object = {}, tpm2: object = {}): Policy {
  const compiled = compileBoot(boot, tpm2);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.errors));
  return compiled.policy;
}

function compileBoot(boot: object | undefined, tpm2: object) {
  const document = policySchema.parse({
    apiVersion: 'muster/v1',
    kind: 'Policy',
    pools: {
      general: {
        protectionRating: 'default',
        segments: ['10.1.0.0/16'],
        tpm2: {
          pcrs: [4, 5, 7],
          referencePcrs: [],
          boot,
          allowEkWithoutCertificate: true,
          ...tpm2,
        },
      },
    },
  });
  return compilePolicy(document, { referenceValues: new Map(), anchors: new Map(), referenceSigners: new Map() });
}

/** A node that booted like `boot`, in a pool with `policy`. */
async function bootedLab(boot: Boot, policy: Policy): Promise<JoinLab> {
  const tpm = labTpm();
  tpm.holdPcrs('sha256', boot.pcrs);
  return joinLab({ tpm, policy });
}

async function joinWith(lab: JoinLab, eventLog: Bytes | undefined): Promise<string> {
  const challenge = await challengeFor(lab);
  return told(
    await submit(lab, answerOf(challenge, lab.tpm, eventLog === undefined ? {} : { evidence: { eventLog } })),
  );
}

describe('a pool that demands a boot which the event log proves', () => {
  test('asks for the event log', async () => {
    const { attester } = await challengeFor(await bootedLab(GOOD, bootPolicy()));
    expect(attester).toMatchObject({ logs: ['event-log'] });
  });

  test.each<[string, Boot, Bytes | undefined, object, string, readonly string[]]>([
    ['admits a machine that booted with Secure Boot', GOOD, GOOD.log, {}, 'ok', []],
    ['refuses the same without its log', GOOD, undefined, {}, 'evidence-rejected', ['event-log-empty']],
    [
      'refuses the same with a log cut short',
      GOOD,
      GOOD.log.subarray(0, -1),
      {},
      'evidence-rejected',
      ['event-log-malformed'],
    ],
    [
      'refuses a machine with another machine’s log',
      GOOD,
      KERNEL_SHORTCUT.log,
      {},
      'evidence-rejected',
      expect.arrayContaining(['event-log-replay-mismatch']),
    ],
    [
      'refuses a kernel that no firmware verified, though SecureBoot=01 is measured',
      KERNEL_SHORTCUT,
      KERNEL_SHORTCUT.log,
      {},
      'evidence-rejected',
      expect.arrayContaining(['secure-boot-not-proven']),
    ],
    [
      'refuses boot applications that the policy does not name',
      GOOD,
      GOOD.log,
      { bootApplications: { anyOf: ['ab'.repeat(32)] } },
      'evidence-rejected',
      expect.arrayContaining(['boot-application-refused']),
    ],
  ])('%s', async (_, boot, log, demands, outcome, denials) => {
    const lab = await bootedLab(boot, bootPolicy(demands));
    expect(await joinWith(lab, log)).toBe(outcome);
    expect(await lastDenials(lab.store)).toEqual(denials);
  });
});

describe('a policy in which something judges every PCR', () => {
  test.each<[string, object | undefined, object, readonly string[]]>([
    ['compiles', {}, {}, []],
    ['does not without demands on the boot', undefined, {}, ['/pools/general/tpm2/referencePcrs']],
    ['does not with a PCR that no demand is about', {}, { pcrs: [0, 4, 5, 7] }, ['/pools/general/tpm2/referencePcrs']],
    ['does not with a demand whose PCR is not quoted', {}, { pcrs: [4, 7] }, ['/pools/general/tpm2/boot']],
    [
      'does not with a reference value that is not quoted',
      {},
      { referencePcrs: [2] },
      ['/pools/general/tpm2/referencePcrs'],
    ],
  ])('%s', (_, boot, tpm2, paths) => {
    const compiled = compileBoot(boot, tpm2);
    expect(compiled.ok ? [] : [...new Set(compiled.errors.map(({ path }) => path))]).toEqual(paths);
  });
});
