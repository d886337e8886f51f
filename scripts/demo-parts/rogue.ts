import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { type Attester, type EvidenceBody, openAttester } from '#agent/attester.ts';
import { openJoinService } from '#agent/client.ts';
import { loadConfig } from '#agent/config.ts';
import { joinCluster, type JoinOutcome } from '#agent/join-cluster.ts';
import { systemClock } from '#core/clock.ts';
import { qualifyingData } from '#core/qualifying-data.ts';
import { systemRandom } from '#core/random.ts';

const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const capabilities = { now: systemClock, random: systemRandom };

/** A genuine quote of the machine as it is now, made for a challenge that is then let go: what a rogue would keep for later. */
export async function recordQuote(configFile: string): Promise<EvidenceBody> {
  const config = await loadConfig(configFile);
  using service = openJoinService({ ...config, ...capabilities });
  await using attester = await openAttester(config.tpm, systemRandom);
  const { claimedNodeName: nodeName, audience } = config;
  const challenge = await service.requestChallenge({ nodeName, attester: attester.description });
  if (challenge.status !== 'ok') throw new Error(`no challenge: ${challenge.status}`);
  const spki = createPublicKey(newKey()).export({ type: 'spki', format: 'der' });
  const { attester: asked, nonce } = challenge.value;
  const evidence = await attester.collectEvidence(asked, qualifyingData({ audience, nonce, nodeName, spki }));
  if (!evidence.ok) throw new Error(evidence.reason);
  return evidence.evidence;
}

/** One join that answers its challenge with the real TPM, and shows the recorded quote in place of a fresh one. */
export async function joinWithRecordedQuote(configFile: string, recorded: EvidenceBody): Promise<JoinOutcome> {
  const config = await loadConfig(configFile);
  using service = openJoinService({ ...config, ...capabilities });
  return joinCluster(
    {
      ...capabilities,
      service,
      newKey,
      progress: () => undefined,
      sleep: async (ms) => {
        await sleep(ms);
      },
      elapsedMs: () => performance.now(),
      openAttester: async () => replaying(await openAttester(config.tpm, systemRandom), recorded),
    },
    config,
  );
}

function replaying(attester: Attester, recorded: EvidenceBody): Attester {
  return {
    ekType: attester.ekType,
    description: attester.description,
    collectEvidence: async (challenge, data) => {
      const fresh = await attester.collectEvidence(challenge, data);
      if (!fresh.ok || fresh.evidence.kind !== 'tpm2-quote') return fresh;
      return { ok: true, evidence: { ...recorded, activationSecret: fresh.evidence.activationSecret } };
    },
    [Symbol.asyncDispose]: () => attester[Symbol.asyncDispose](),
  };
}
