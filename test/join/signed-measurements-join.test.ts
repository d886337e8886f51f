import { describe, expect, test } from 'vitest';

import { systemRandom } from '#core/random.ts';
import { certificateFingerprint, newRequestId } from '#core/ids.ts';
import type { JoinOutcome } from '#services/join/admit-node.ts';
import { exposeCopy } from '#services/join/expose-copy.ts';
import { auditTypes, enrol, join, lastDenials, submit, told } from '#test/lab/join-lab.ts';
import { labMeasurementKey } from '#test/lab/measurement-key.ts';
import {
  answerWithToken,
  challengeKey,
  earned,
  joinSigned,
  measurementLab,
  type SignedJoin,
  stateOf,
} from '#test/lab/measurement-lab.ts';
import { LAB_NOW } from '#test/lab/node-ca.ts';

const otherKey = labMeasurementKey();
const WRONG = 'ab'.repeat(32);

describe('a machine without a TPM', () => {
  test('joins, and again with the certificate that it got', async () => {
    const lab = await measurementLab();
    const first = earned(await joinSigned(lab));
    const second = earned(await joinSigned(lab, { generation: first }));
    expect(told(await joinSigned(lab, { generation: second }))).toBe('ok');
    expect(await stateOf(lab)).toBe('joined');
  });

  test.each<[string, SignedJoin, string, readonly string[]]>([
    ['as it is', {}, 'ok', []],
    [
      'with another kernel',
      { change: { measurements: { kernel: WRONG } } },
      'evidence-rejected',
      ['measurement-refused'],
    ],
    [
      'with another initrd',
      { change: { measurements: { initrd: WRONG } } },
      'evidence-rejected',
      ['measurement-refused'],
    ],
    [
      'with another command line',
      { change: { measurements: { commandLine: 'init=/bin/sh' } } },
      'evidence-rejected',
      ['measurement-refused'],
    ],
    [
      'with another agent',
      { change: { measurements: { agent: WRONG } } },
      'evidence-rejected',
      ['measurement-refused'],
    ],
    [
      'with another image',
      { change: { measurements: { image: WRONG } } },
      'evidence-rejected',
      ['measurement-refused'],
    ],
    ['by a key that nobody enrolled', { key: otherKey }, 'evidence-rejected', ['measurement-key-not-enrolled']],
    ['under another name', { name: 'worker-7' }, 'evidence-rejected', ['node-name-mismatch']],
    ['with a token for another audience', { audience: 'elsewhere' }, 'evidence-rejected', ['nonce-mismatch']],
  ])('%s, is told what it deserves', async (_, options, outcome, denials) => {
    const lab = await measurementLab();
    expect(told(await joinSigned(lab, options))).toBe(outcome);
    expect(await lastDenials(lab.store)).toEqual(denials);
  });

  test('joins no pool that does not say it takes such machines, nor one whose lists are empty', async () => {
    const without = await measurementLab({});
    expect(told(await joinSigned(without))).toBe('evidence-rejected');
    expect(await lastDenials(without.store)).toEqual(['measurements-not-accepted']);
    const empty = await measurementLab({ signedMeasurements: {} });
    expect(told(await joinSigned(empty))).toBe('evidence-rejected');
    expect(await lastDenials(empty.store)).toEqual(Array.from({ length: 5 }, () => 'measurement-refused'));
  });

  test('gets a challenge that looks the same whether or not its key is enrolled', async () => {
    const lab = await measurementLab();
    const shape = ({ ticket, nonce, ...rest }: Awaited<ReturnType<typeof challengeKey>>) => ({
      ...rest,
      ticket: ticket.length,
      nonce: nonce.byteLength,
    });
    expect(shape(await challengeKey(lab, { key: otherKey }))).toEqual(shape(await challengeKey(lab)));
  });

  test('is no TPM to the service, and a TPM is no such machine', async () => {
    const lab = await measurementLab();
    const tpmNode = await enrol(lab.store, { ekFingerprint: lab.tpm.ekFingerprint }, { name: 'worker-9' }).catch(
      () => undefined,
    );
    expect(tpmNode).toBeUndefined();
    const challenge = await challengeKey(lab, { key: { ...lab.key, id: lab.tpm.ekFingerprint } });
    expect(told(await submit(lab, answerWithToken(lab, challenge)))).toBe('evidence-rejected');
    expect(await lastDenials(lab.store)).toEqual(['measurement-key-not-enrolled']);
    expect(told(await join(lab))).toBe('ok');
  });

  test('that lost the answer joins again with what it has', async () => {
    const lab = await measurementLab();
    earned(await joinSigned(lab));
    const second = earned(await joinSigned(lab));
    earned(await joinSigned(lab, { generation: second }));
    const again = earned(await joinSigned(lab, { generation: second }));
    expect(told(await joinSigned(lab, { generation: again }))).toBe('ok');
    expect(await stateOf(lab)).toBe('joined');
  });

  test('that sends the same request again gets the same certificate', async () => {
    const lab = await measurementLab();
    const request = answerWithToken(lab, await challengeKey(lab));
    const first = earned(await submit(lab, request));
    expect(earned(await submit(lab, request))).toBe(first);
  });
});

describe('a copied key', () => {
  test.each<[string, (certificates: readonly string[]) => string | undefined]>([
    ['an older certificate', ([first]) => first],
    ['no certificate', () => undefined],
    ['a certificate that was never issued', () => certificateFingerprint(systemRandom(9))],
  ])('freezes the node when it shows %s', async (_, shown) => {
    const lab = await measurementLab();
    const first = earned(await joinSigned(lab));
    const second = earned(await joinSigned(lab, { generation: first }));
    const third = earned(await joinSigned(lab, { generation: second }));
    const outcome = await joinSigned(lab, { generation: shown([first, second, third]) });
    expect(told(outcome)).toBe('evidence-rejected');
    expect(await lastDenials(lab.store)).toEqual(['generation-conflict']);
    expect(await auditTypes(lab.store)).toContain('node.conflict');
    expect(await stateOf(lab)).toBe('quarantined');
    expect(told(await joinSigned(lab, { generation: third }))).toBe('evidence-rejected');
  });

  test('that used the allowance for a lost answer is exposed when the other one comes', async () => {
    const lab = await measurementLab();
    const first = earned(await joinSigned(lab));
    const second = earned(await joinSigned(lab, { generation: first }));
    // The copy was taken before the second join.
    const stolen = earned(await joinSigned(lab, { generation: first }));
    expect(told(await joinSigned(lab, { generation: second }))).toBe('evidence-rejected');
    expect(await stateOf(lab)).toBe('quarantined');
    expect(told(await joinSigned(lab, { generation: stolen }))).toBe('evidence-rejected');
  });

  test('gets nothing once the newest certificate was used', async () => {
    const lab = await measurementLab();
    const first = earned(await joinSigned(lab));
    const newest = await joinSigned(lab, { generation: first });
    const node = newest.ok ? newest.admitted.node : undefined;
    if (node === undefined || !newest.ok) throw new Error('joined');
    const { fingerprint } = newest.admitted.certificate;
    expect(await lab.store.showGeneration(node.id, fingerprint)).toBe('newest');
    expect(told(await joinSigned(lab, { generation: first }))).toBe('evidence-rejected');
    expect(await stateOf(lab)).toBe('quarantined');
  });

  test('of which two joins run at once gets one certificate', async () => {
    const lab = await measurementLab();
    const first = earned(await joinSigned(lab));
    const second = earned(await joinSigned(lab, { generation: first }));
    const one = answerWithToken(lab, await challengeKey(lab), { generation: second });
    const two = answerWithToken(lab, await challengeKey(lab), { generation: second });
    const outcomes = await Promise.allSettled([submit(lab, one), submit(lab, two)]);
    const certificates = outcomes.flatMap((outcome) =>
      outcome.status === 'fulfilled' && outcome.value.ok ? [outcome.value.admitted.certificate.fingerprint] : [],
    );
    // The second of them counts as a lost answer; of the two certificates one is the newest, and the other is exposed when it is shown.
    expect(new Set(certificates).size).toBe(certificates.length);
    const verdicts = [];
    for (const generation of certificates) verdicts.push(told(await joinSigned(lab, { generation })));
    expect(certificates.length === 1 || verdicts.includes('evidence-rejected')).toBe(true);
  });
});

describe('a heartbeat of a machine without a TPM', () => {
  const occasion = { at: LAB_NOW, requestId: newRequestId(systemRandom), address: '10.1.2.3' };

  test('freezes the node when it comes with an older certificate after the newest was used', async () => {
    const lab = await measurementLab();
    const first = issuedTo(await joinSigned(lab));
    const second = issuedTo(await joinSigned(lab, { generation: first.fingerprint }));
    const deps = {
      ...lab.deps,
      showGeneration: (...shown: Parameters<typeof lab.store.showGeneration>) => lab.store.showGeneration(...shown),
    };
    const beat = async ({ fingerprint }: ReturnType<typeof issuedTo>): Promise<boolean> => {
      const node = await lab.store.findNode(first.nodeId);
      if (node === undefined) throw new Error('enrolled');
      return exposeCopy(deps, node, fingerprint, occasion);
    };
    expect(await beat(first)).toBe(false);
    expect(await beat(second)).toBe(false);
    expect(await stateOf(lab)).toBe('joined');
    expect(await beat(first)).toBe(true);
    expect(await stateOf(lab)).toBe('quarantined');
    expect(await auditTypes(lab.store)).toContain('node.conflict');
  });

  test('of a node with a TPM is never looked at', async () => {
    const lab = await measurementLab();
    const joined = await join(lab);
    expect(told(joined)).toBe('ok');
    const deps = {
      ...lab.deps,
      showGeneration: (...shown: Parameters<typeof lab.store.showGeneration>) => lab.store.showGeneration(...shown),
    };
    expect(await exposeCopy(deps, lab.node, certificateFingerprint(systemRandom(3)), occasion)).toBe(false);
  });
});

function issuedTo(outcome: JoinOutcome) {
  if (!outcome.ok) throw new Error(`refused: ${outcome.problem}`);
  const { node, certificate } = outcome.admitted;
  return { nodeId: node.id, fingerprint: certificate.fingerprint };
}
