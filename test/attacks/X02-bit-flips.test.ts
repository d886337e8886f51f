import { beforeAll, describe, expect, test } from 'vitest';

import { type Bytes, fromHex, toHex } from '#core/bytes.ts';
import { spkiFingerprint } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import type { IssuanceIntent } from '#core/issuance.ts';
import type { ChallengeRequest } from '#protocol/challenge.ts';
import { challengeResponseSchema } from '#protocol/challenge.ts';
import type { JoinRequest } from '#protocol/join.ts';
import { localSigner } from '#pki/signer-file.ts';
import { anchoredPolicy } from '#test/lab/anchored-policy.ts';
import { bitsOf, flipBit } from '#test/lab/bit-flips.ts';
import { answerOf, askChallenge, challengeRequestOf, type JoinLab, joinLab, submit, told } from '#test/lab/join-lab.ts';
import { labKey } from '#test/lab/node-ca.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { issueEkCertificate, labEkCa } from '#test/lab/tpm-certificates.ts';

/** Flips of one test run, over all fields together; MUSTER_ALL_FLIPS=1 tries every bit there is. */
const FLIPS = process.env['MUSTER_ALL_FLIPS'] === '1' ? Number.POSITIVE_INFINITY : 2_000;
const SEED = 20_261_121;

type Shown = Extract<ChallengeRequest['attester'], { kind: 'tpm2-quote' }>;
type Quote = Extract<JoinRequest['evidence'], { kind: 'tpm2-quote' }>;

/** One binary field of the two requests, and the requests with other bytes in it. */
interface Field {
  readonly name: string;
  readonly bytes: Bytes;
  /** Sends the join with these bytes instead; `ok` or the problem. */
  readonly send: (bytes: Bytes) => Promise<string>;
}

describe('X02 one genuine join with a single bit of it the other way', () => {
  const maker = labEkCa();
  const tpm = labTpm();
  const key = labKey();
  const certificate = issueEkCertificate(maker, { spki: tpm.ekSpki, keyType: 'ecc' });
  const prepared: IssuanceIntent[] = [];
  let lab: JoinLab;
  let fields: readonly Field[];

  beforeAll(async () => {
    lab = await joinLab({
      tpm,
      policy: anchoredPolicy(tpm, maker.pem),
      // A ticket that is good for ever, so that the one genuine join can be tried with every bit of it.
      override: {
        takeTicket: () => Promise.resolve({ kind: 'fresh' }),
        reserveSerial: (intent) => {
          prepared.push(intent);
          return Promise.resolve();
        },
        recordIssued: () => Promise.resolve(),
        appendAudit: () => Promise.resolve(undefined),
      },
    });
    fields = [...challengeFields(), ...(await joinFields())];
  });

  /** The whole join behind a changed challenge request: who holds the TPM answers what the TPM can answer. */
  const joinAfter = async (attester: Shown): Promise<string> => {
    const request: ChallengeRequest = { ...challengeRequestOf(tpm), attester };
    const asked = await askChallenge(lab, { request });
    if (!asked.ok) return told(asked);
    const challenge = challengeResponseSchema.parse(asked.response);
    const answer = (): JoinRequest => {
      try {
        return answerOf(challenge, tpm, { key });
      } catch {
        // The credential is for another EK or AK than the TPM's, which does not open it.
        const own = { activateCredential: () => systemRandom(32) };
        return answerOf(challenge, Object.assign(Object.create(tpm), own), { key, quoter: tpm });
      }
    };
    return told(await submit(lab, answer()));
  };

  function challengeFields(): readonly Field[] {
    const { attester } = challengeRequestOf(tpm);
    if (attester.kind !== 'tpm2-quote') throw new Error('a TPM');
    const honest: Shown = { ...attester, ekCertificates: [certificate] };
    return [
      { name: 'ekPublic', bytes: honest.ekPublic, send: (ekPublic) => joinAfter({ ...honest, ekPublic }) },
      { name: 'akPublic', bytes: honest.akPublic, send: (akPublic) => joinAfter({ ...honest, akPublic }) },
      { name: 'ekCertificate', bytes: certificate, send: (bytes) => joinAfter({ ...honest, ekCertificates: [bytes] }) },
    ];
  }

  async function joinFields(): Promise<readonly Field[]> {
    const { attester } = challengeRequestOf(tpm);
    if (attester.kind !== 'tpm2-quote') throw new Error('a TPM');
    const asked = await askChallenge(lab, {
      request: { ...challengeRequestOf(tpm), attester: { ...attester, ekCertificates: [certificate] } },
    });
    if (!asked.ok) throw new Error(told(asked));
    const join = answerOf(challengeResponseSchema.parse(asked.response), tpm, { key });
    const { evidence } = join;
    if (evidence.kind !== 'tpm2-quote') throw new Error('a quote');
    const sent = async (changed: JoinRequest): Promise<string> => told(await submit(lab, changed));
    const withQuote = (change: Partial<Quote>): Promise<string> =>
      sent({ ...join, evidence: { ...evidence, ...change } });
    const pcrs = evidence.pcrs.sha256 ?? {};
    return [
      { name: 'ticket', bytes: join.ticket, send: (ticket) => sent({ ...join, ticket }) },
      { name: 'csr', bytes: join.csr, send: (csr) => sent({ ...join, csr }) },
      {
        name: 'activationSecret',
        bytes: evidence.activationSecret,
        send: (activationSecret) => withQuote({ activationSecret }),
      },
      { name: 'quoted', bytes: evidence.quoted, send: (quoted) => withQuote({ quoted }) },
      { name: 'signature', bytes: evidence.signature, send: (signature) => withQuote({ signature }) },
      ...Object.entries(pcrs).map(([pcr, value]) => ({
        name: `pcr ${pcr}`,
        bytes: fromHex(value),
        send: (bytes: Bytes) => withQuote({ pcrs: { sha256: { ...pcrs, [pcr]: toHex(bytes) } } }),
      })),
    ];
  }

  test('X02 with every bit as it was it is answered, by each field’s own way of sending it', async () => {
    for (const { name, bytes, send } of fields) expect([name, await send(bytes)]).toEqual([name, 'ok']);
    const wanted = spkiFingerprint(localSigner(key).spki);
    expect(new Set(prepared.map((intent) => intent.spkiFingerprint))).toEqual(new Set([wanted]));
  });

  test('X02 it is refused, and nothing is made ready to be signed', { timeout: 1_200_000 }, async () => {
    const total = fields.reduce((sum, { bytes }) => sum + bytes.byteLength * 8, 0);
    const before = prepared.length;
    const accepted: string[] = [];
    const tried: Record<string, number> = {};
    for (const { name, bytes, send } of fields) {
      const share = Math.max(8, Math.round((FLIPS * bytes.byteLength * 8) / total));
      const bits = bitsOf(bytes, share, SEED);
      tried[name] = bits.length;
      for (const bit of bits) {
        if ((await send(flipBit(bytes, bit))) === 'ok') accepted.push(`${name} bit ${bit}`);
      }
    }
    const count = Object.values(tried).reduce((sum, flips) => sum + flips, 0);
    console.log(`X02: ${count} of ${total} flips, ${accepted.length} accepted: ${JSON.stringify(tried)}`);
    expect([accepted, prepared.length - before]).toEqual([[], 0]);
  });
});
