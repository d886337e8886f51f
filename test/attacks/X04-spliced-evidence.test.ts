import { beforeAll, describe, expect, test } from 'vitest';

import { systemRandom } from '#core/random.ts';
import type { ChallengeRequestBody } from '#protocol/challenge.ts';
import { challengeRequestSchema, challengeResponseSchema } from '#protocol/challenge.ts';
import type { JoinRequestBody } from '#protocol/join.ts';
import { joinRequestSchema } from '#protocol/join.ts';
import { anchoredPolicy } from '#test/lab/anchored-policy.ts';
import {
  answerOf,
  askChallenge,
  challengeRequestOf,
  enrol,
  type JoinLab,
  joinLab,
  submit,
  told,
} from '#test/lab/join-lab.ts';
import { type JsonPath, valueAt, withValue } from '#test/lab/json-paths.ts';
import { labTpm, type LabTpm } from '#test/lab/software-tpm.ts';
import { issueEkCertificate, labEkCa } from '#test/lab/tpm-certificates.ts';
import { challengeBody, joinBody } from '#test/lab/wire.ts';

const NODES = 20;

/** Everything in the two requests that says which node it is from, or which join. */
const FIELDS: readonly JsonPath[] = [
  ['challenge', 'nodeName'],
  ['challenge', 'attester', 'ekPublic'],
  ['challenge', 'attester', 'akPublic'],
  ['challenge', 'attester', 'ekCertificates'],
  ['join', 'ticket'],
  ['join', 'csr'],
  ['join', 'evidence', 'activationSecret'],
  ['join', 'evidence', 'quoted'],
  ['join', 'evidence', 'signature'],
  ['join', 'evidence', 'pcrs'],
];

interface LabMachine {
  readonly name: string;
  readonly tpm: LabTpm;
  readonly challenge: ChallengeRequestBody;
}

/** The two requests of one join. */
interface Requests {
  readonly challenge: ChallengeRequestBody;
  readonly join: JoinRequestBody;
}

describe(`X04 parts of one node's join spliced into another's, for ${NODES} nodes`, () => {
  const maker = labEkCa();
  const first = labTpm();
  let lab: JoinLab;
  const machines: LabMachine[] = [];

  beforeAll(async () => {
    lab = await joinLab({ tpm: first, policy: anchoredPolicy(first, maker.pem) });
    for (let index = 0; index < NODES; index += 1) {
      const tpm = labTpm();
      const name = `node-${index}`;
      await enrol(lab.store, tpm, { name });
      // Node 1 has other PCRs than its neighbours, which the policy does not know: nothing of its may help.
      if (index === 1) tpm.extend(7, Buffer.from('another firmware'));
      const { nodeName, attester } = challengeBody(challengeRequestOf(tpm, name));
      const certificate = issueEkCertificate(maker, { spki: tpm.ekSpki, keyType: 'ecc' });
      const ekCertificates = [Buffer.from(certificate).toString('base64url')];
      machines.push({ name, tpm, challenge: { nodeName, attester: Object({ ...attester, ekCertificates }) } });
    }
  });

  const answerFor = async (
    { name, tpm }: LabMachine,
    challenge: ChallengeRequestBody,
  ): Promise<JoinRequestBody | string> => {
    const asked = await askChallenge(lab, { request: challengeRequestSchema.parse(challenge) });
    if (!asked.ok) return told(asked);
    const response = challengeResponseSchema.parse(asked.response);
    const guess = Object.assign(Object.create(tpm), { activateCredential: () => systemRandom(32) });
    try {
      return joinBody(answerOf(response, tpm, { name }));
    } catch {
      return joinBody(answerOf(response, guess, { name, quoter: tpm }));
    }
  };

  /** The victim's join with these parts of the donor's; `ok` or the problem. */
  const spliced = async (victim: LabMachine, donor: LabMachine, paths: readonly JsonPath[]): Promise<string> => {
    const donated = await answerFor(donor, donor.challenge);
    if (typeof donated === 'string') return donated;
    const theirs: Requests = { challenge: donor.challenge, join: donated };
    const splice = (into: unknown, root: string): unknown =>
      paths
        .filter(([at]) => at === root)
        .reduce((made, [, ...rest]) => withValue(made, rest, valueAt(theirs, [root, ...rest])), into);
    const challenge = challengeRequestSchema.safeParse(splice(victim.challenge, 'challenge'));
    if (!challenge.success) return 'malformed-request';
    const own = await answerFor(victim, Object(splice(victim.challenge, 'challenge')));
    if (typeof own === 'string') return own;
    const join = joinRequestSchema.safeParse(splice(own, 'join'));
    return join.success ? told(await submit(lab, join.data)) : 'malformed-request';
  };

  const at = (index: number): LabMachine => {
    const machine = machines[index % NODES];
    if (machine === undefined) throw new Error('a machine');
    return machine;
  };

  test('X04 each node joins with its own, but the one whose firmware nobody knows', async () => {
    for (let index = 0; index < NODES; index += 1) {
      expect(await spliced(at(index), at(index), [])).toBe(index === 1 ? 'evidence-rejected' : 'ok');
    }
  });

  test('X04 nothing spliced is accepted: any field, and any two', { timeout: 300_000 }, async () => {
    const pairs = FIELDS.flatMap((one, index) => FIELDS.slice(index).map((two) => (one === two ? [one] : [one, two])));
    const accepted: string[] = [];
    let tried = 0;
    for (let index = 0; index < NODES; index += 1) {
      const [victim, donor] = [at(index), at(index + 1)];
      for (const paths of pairs) {
        // PCR values are the same on machines that run the same: on its own that is no splice.
        const isSame = paths.every((path) => path.at(-1) === 'pcrs') && index > 1;
        if (isSame) continue;
        tried += 1;
        if ((await spliced(victim, donor, paths)) === 'ok')
          accepted.push(`${victim.name}: ${paths.map((path) => path.join('.')).join(' and ')}`);
      }
    }
    console.log(`X04: ${tried} spliced joins of ${NODES} nodes, ${accepted.length} accepted`);
    expect(accepted).toEqual([]);
    expect(tried).toBeGreaterThan(1_000);
  });

  test('X04 the certificates that there are, are one for each node and in its name', async () => {
    const records = await lab.store.readAudit(0, 10_000);
    const issued = records.filter(({ type }) => type === 'certificate.issued');
    expect(issued).toHaveLength(NODES - 1);
    expect(new Set(issued.map(({ facts }) => facts['nodeId'])).size).toBe(NODES - 1);
  });
});
