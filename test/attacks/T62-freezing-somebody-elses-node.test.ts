import { describe, expect, test } from 'vitest';

import { toHex } from '#core/bytes.ts';
import { oddCsr } from '#test/lab/csr.ts';
import { type AnswerOptions, enrol, join, type JoinLab, joinLab, told } from '#test/lab/join-lab.ts';
import { labKey } from '#test/lab/node-ca.ts';
import { labTpm } from '#test/lab/software-tpm.ts';

/** What somebody can know of another's node: its EK's and AK's public areas, its certificate's key, its name. None of it is secret. */
describe('T62 what is public of a node is used to have it frozen', () => {
  const victim = async () => {
    const lab = await joinLab();
    const key = labKey();
    expect(told(await join(lab, { key }))).toBe('ok');
    return { lab, key };
  };
  const stateOf = async ({ store, node }: JoinLab) => (await store.findNode(node.id))?.state;

  test.each<
    [string, (lab: JoinLab, key: ReturnType<typeof labKey>) => Promise<AnswerOptions & { tpm: JoinLab['tpm'] }>]
  >([
    [
      'its key, in a request that another key signed, by an enrolled node',
      async (lab, key) => {
        const tpm = labTpm();
        await enrol(lab.store, tpm, { name: 'worker-8' });
        return { tpm, name: 'worker-8', key, csr: oddCsr(key, { signedBy: labKey() }).der };
      },
    ],
    ['its very request, by a machine that nobody enrolled', async (_, key) => ({ tpm: labTpm(), key })],
    [
      'its AK, quoted by another key, by an enrolled node',
      async (lab) => {
        const tpm = labTpm({ akOf: lab.tpm });
        await enrol(lab.store, tpm, { name: 'worker-8' });
        return { tpm, name: 'worker-8', quoter: labTpm() };
      },
    ],
    [
      'its AK, without its secret',
      async (lab) => ({
        tpm: labTpm({ akOf: lab.tpm }),
        evidence: { activationSecret: Buffer.alloc(32) },
      }),
    ],
    ['its name', async () => ({ tpm: labTpm(), name: 'worker-7' })],
  ])('T62 %s: refused, and the node stays in service', async (_, claim) => {
    const { lab, key } = await victim();
    const { tpm, ...answer } = await claim(lab, key);
    expect(told(await join({ ...lab, tpm }, answer))).not.toBe('ok');
    expect(await stateOf(lab)).toBe('joined');
    expect(told(await join(lab))).toBe('ok');
  });

  test('T62 only who signs with the AK freezes its node: that takes the TPM itself', async () => {
    const { lab } = await victim();
    const thief = labTpm({ akOf: lab.tpm });
    expect(toHex(thief.akName)).toBe(toHex(lab.tpm.akName));
    expect(told(await join({ ...lab, tpm: thief }))).toBe('evidence-rejected');
    expect(await stateOf(lab)).toBe('quarantined');
  });
});
