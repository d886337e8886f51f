import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { openAttester } from '#agent/attester.ts';
import { EK_TYPES, type EkType } from '#agent/tpm/endorsement-key.ts';
import { fromBase64Url, toBase64Url } from '#core/bytes.ts';
import { systemRandom } from '#core/random.ts';
import type { ChallengeResponse } from '#protocol/challenge.ts';
import { challengeRequestSchema } from '#protocol/challenge.ts';
import { evidenceSchema } from '#protocol/join.ts';
import { makeCredential } from '#tpm2/credential.ts';
import { objectName } from '#tpm2/name.ts';
import { parsePublicArea } from '#tpm2/public-area.ts';
import { canStartSwtpm, type Swtpm, startSwtpm } from '#test/lab/swtpm.ts';

import { handlesInUse } from './tpm/handles.ts';

type Challenge = Extract<ChallengeResponse['attester'], { kind: 'tpm2-quote' }>;

describe.skipIf(!canStartSwtpm())('an attester over a software TPM', () => {
  let swtpm: Swtpm;
  let directory: string;
  beforeAll(async () => {
    swtpm = await startSwtpm({ ekTypes: EK_TYPES, transport: 'tcp' });
    directory = await mkdtemp(join(tmpdir(), 'muster-attester-'));
    await writeFile(join(directory, 'event-log'), Buffer.alloc(100_000, 5));
    await writeFile(join(directory, 'empty'), '');
  });
  afterAll(async () => {
    await swtpm.stop();
    await rm(directory, { recursive: true });
  });

  const open = (ekPreference: readonly EkType[], logs: { eventLogFile?: string; imaLogFile?: string } = {}) =>
    openAttester(
      {
        device: swtpm.address,
        ekPreference,
        eventLogFile: join(directory, 'event-log'),
        imaLogFile: join(directory, 'none'),
        ...logs,
      },
      systemRandom,
    );

  /** A challenge as the service makes it, and the secret in it. */
  function challengeFor(
    description: Awaited<ReturnType<typeof open>>['description'],
    edit: Partial<Challenge> = {},
    secret = randomBytes(32),
  ) {
    const { attester } = challengeRequestSchema.parse({ nodeName: 'worker-7', attester: description });
    if (attester.kind !== 'tpm2-quote') throw new Error('not a TPM');
    const akName = objectName(attester.akPublic, 'sha256');
    const credential = makeCredential({
      ekPublic: parsePublicArea(attester.ekPublic),
      akName,
      secret,
      random: systemRandom,
    });
    const challenge: Challenge = {
      kind: 'tpm2-quote',
      ...credential,
      pcrSelection: [
        { hash: 'sha256', pcrs: [0, 1, 7] },
        { hash: 'sha384', pcrs: [0] },
      ],
      logs: [],
      ...edit,
    };
    return { challenge, secret };
  }

  const inUse = () => swtpm.using(handlesInUse);

  test.each(EK_TYPES)('finds the secret in a credential for its EK of type %s', async (type) => {
    {
      await using attester = await open([type]);
      expect(attester.ekType).toBe(type);
      const { challenge, secret } = challengeFor(attester.description);
      const collected = await attester.collectEvidence(challenge, randomBytes(32));
      if (!collected.ok) throw new Error(collected.reason);
      const evidence = evidenceSchema.parse(collected.evidence);
      expect(evidence).toMatchObject({
        kind: 'tpm2-quote',
        pcrs: { sha256: { '7': '0'.repeat(64) }, sha384: { '0': '0'.repeat(96) } },
      });
      expect(evidence.kind === 'tpm2-quote' && Buffer.from(evidence.activationSecret)).toEqual(secret);
    }
    expect(await inUse()).toEqual([]);
  });

  const EC_TYPES = ['p-256', 'p-384'] as const;

  test.each<[string, readonly EkType[], (good: Challenge) => Partial<Challenge>, string]>([
    ['for other keys', EK_TYPES, (c) => ({ credentialBlob: flipLast(c.credentialBlob) }), 'not made for this TPM'],
    // libtpms answers an RSA ciphertext that does not decrypt with TPM_RC_FAILURE, as if the TPM were broken.
    ['for another EK', EC_TYPES, (c) => ({ encryptedSecret: flipLast(c.encryptedSecret) }), 'not made for this TPM'],
    ['cut short', EK_TYPES, (c) => ({ credentialBlob: c.credentialBlob.subarray(0, -1) }), 'not well formed'],
    [
      'with a byte too many',
      EK_TYPES,
      (c) => ({ encryptedSecret: Buffer.concat([c.encryptedSecret, Buffer.of(0)]) }),
      'not well formed',
    ],
  ])('does not answer a credential %s, and leaves nothing behind', async (_what, types, edit, reason) => {
    for (const type of types) {
      {
        await using attester = await open([type]);
        const { challenge } = challengeFor(attester.description);
        const collected = await attester.collectEvidence({ ...challenge, ...edit(challenge) }, randomBytes(32));
        expect(collected).toMatchObject({ ok: false });
        expect(!collected.ok && collected.reason).toContain(reason);
      }
      expect(await inUse()).toEqual([]);
    }
  });

  test('does not answer a challenge for no PCR, or for another kind of evidence', async () => {
    await using attester = await open(['p-256']);
    expect(await attester.collectEvidence({ kind: 'signed-measurements' }, randomBytes(32))).toMatchObject({
      ok: false,
    });
    const { challenge } = challengeFor(attester.description, { pcrSelection: [{ hash: 'sha256', pcrs: [] }] });
    expect(await attester.collectEvidence(challenge, randomBytes(32))).toMatchObject({ ok: false });
  });

  test('does not answer a credential whose secret is not the protocol’s', async () => {
    await using attester = await open(['p-256']);
    const { challenge } = challengeFor(attester.description, {}, randomBytes(16));
    const collected = await attester.collectEvidence(challenge, randomBytes(32));
    expect(collected).toEqual({ ok: false, reason: 'its credential holds 16 bytes, not 32' });
  });

  test('sends the logs that are asked for and that there are', async () => {
    const ask = async (logs: string[], files = {}) => {
      await using attester = await open(['p-256'], files);
      const { challenge } = challengeFor(attester.description, { logs });
      const collected = await attester.collectEvidence(challenge, randomBytes(32));
      if (!collected.ok || collected.evidence.kind !== 'tpm2-quote') throw new Error('no evidence');
      return { eventLog: collected.evidence.eventLog, imaLog: collected.evidence.imaLog };
    };
    const log = toBase64Url(Buffer.alloc(100_000, 5));
    expect(await ask([])).toEqual({});
    expect(await ask(['event-log', 'ima', 'something-newer'])).toEqual({ eventLog: log });
    expect(await ask(['ima'], { imaLogFile: join(directory, 'event-log') })).toEqual({ imaLog: log });
    expect(await ask(['event-log'], { eventLogFile: join(directory, 'empty') })).toEqual({});
  });

  test('does not send a log that the protocol cannot carry', async () => {
    await writeFile(join(directory, 'long'), Buffer.alloc(1_048_577));
    {
      await using attester = await open(['p-256'], { eventLogFile: join(directory, 'long') });
      const { challenge } = challengeFor(attester.description, { logs: ['event-log'] });
      await expect(attester.collectEvidence(challenge, randomBytes(32))).rejects.toMatchObject({
        name: 'LogTooLongError',
      });
    }
    expect(await inUse()).toEqual([]);
  });

  test('describes itself with the EK certificate of its EK', async () => {
    await using attester = await open(['p-384']);
    const { description } = attester;
    const sent =
      description.kind === 'tpm2-quote'
        ? description.ekCertificates.map((text) => Buffer.from(fromBase64Url(text)))
        : [];
    expect(sent).toEqual([swtpm.ekCertificates.get('p-384')]);
  });
});

function flipLast(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[copy.length - 1] = (copy.at(-1) ?? 0) ^ 1;
  return copy;
}
