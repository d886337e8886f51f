import { describe, expect, test } from 'vitest';

import { systemRandom } from '#core/random.ts';
import { answerOf, challengeFor, challengeRequestOf, join, joinLab, submit, told } from '#test/lab/join-lab.ts';
import { labTpm } from '#test/lab/software-tpm.ts';

describe('T52 wrong activation answers in an enrolled node’s name', () => {
  test('T52 two hundred of them change nothing of the node, which joins as before', async () => {
    const lab = await joinLab();
    const before = await lab.store.findNode(lab.node.id);
    const software = labTpm();
    for (let round = 0; round < 200; round++) {
      // The stranger knows the node's EK, which is no secret, and has an AK in software.
      const request = challengeRequestOf(lab.tpm);
      const challenge = await challengeFor(lab, { request });
      const guess = answerOf(challenge, lab.tpm, {
        quoter: software,
        evidence: { activationSecret: systemRandom(32) },
      });
      if (told(await submit(lab, guess)) !== 'evidence-rejected') throw new Error(`admitted at ${round}`);
    }
    expect(await lab.store.findNode(lab.node.id)).toEqual(before);
    expect(told(await join(lab))).toBe('ok');
  });

  test('T52 one ticket takes one guess', async () => {
    const lab = await joinLab();
    const challenge = await challengeFor(lab);
    const guesses = Array.from({ length: 50 }, () =>
      answerOf(challenge, lab.tpm, { evidence: { activationSecret: systemRandom(32) } }),
    );
    const outcomes = await Promise.all(guesses.map((guess) => submit(lab, guess).then(told)));
    expect(outcomes.filter((outcome) => outcome === 'evidence-rejected')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'challenge-invalid')).toHaveLength(49);
  });

  test('T52 a stranger’s guesses do not spend the node’s own ticket', async () => {
    const lab = await joinLab();
    const own = await challengeFor(lab);
    const strangers = await challengeFor(lab);
    await submit(lab, answerOf(strangers, lab.tpm, { evidence: { activationSecret: systemRandom(32) } }));
    expect(told(await submit(lab, answerOf(own, lab.tpm)))).toBe('ok');
  });

  test('T52 the guesses are on record, and neither the secret nor the guess with them', async () => {
    const lab = await joinLab();
    const guess = systemRandom(32);
    const challenge = await challengeFor(lab);
    if (challenge.attester.kind !== 'tpm2-quote') throw new Error('a challenge to a TPM');
    const secret = lab.tpm.activateCredential(challenge.attester.credentialBlob, challenge.attester.encryptedSecret);
    await submit(lab, answerOf(challenge, lab.tpm, { evidence: { activationSecret: guess } }));
    const record = (await lab.store.readAudit(0, 100)).at(-1);
    expect(record).toMatchObject({ type: 'join.refused', facts: { denials: [{ code: 'activation-failed' }] } });
    for (const bytes of [guess, secret, challenge.nonce]) {
      expect(JSON.stringify(record)).not.toContain(Buffer.from(bytes).toString('hex'));
      expect(JSON.stringify(record)).not.toContain(Buffer.from(bytes).toString('base64url'));
    }
  });
});
