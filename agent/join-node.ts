import { generateKeyPairSync } from 'node:crypto';

import type { Clock } from '#core/clock.ts';

import { openAttester } from './attester.ts';
import { openJoinService } from './client.ts';
import type { AgentConfig } from './config.ts';
import { joinCluster, type JoinOutcome } from './join-cluster.ts';
import { openMeasurementAttester } from './measurements/attester.ts';
import { followNodeCas } from './node-cas.ts';
import { enrolByToken } from './measurements/enrol-by-token.ts';
import type { PatienceDeps } from './retry.ts';

export interface JoinNodeDeps extends PatienceDeps {
  readonly now: Clock;
  /** Aborted: requests are broken off, and have no answer. */
  readonly signal?: AbortSignal | undefined;
}

/** `joinCluster` with this machine's TPM, or the key that signs its measurements, and the configured services. The caller holds the join lock. Throws as `joinCluster` does. */
export async function joinNode(config: AgentConfig, deps: JoinNodeDeps): Promise<JoinOutcome> {
  using service = openJoinService({ ...config, ...deps });
  const { measurements } = config;
  if (measurements !== undefined) {
    const notEnrolled = await enrolByToken(config, measurements, { ...deps, service });
    if (notEnrolled !== undefined) return notEnrolled;
  }
  // A file in the configuration is a pin: nothing that the service says moves it.
  const nodeCa = config.nodeCa ?? (await followNodeCas(config, deps));
  return await joinCluster(
    {
      ...deps,
      service,
      openAttester: () =>
        measurements === undefined
          ? openAttester(config.tpm, deps.random)
          : openMeasurementAttester(config, measurements, deps),
      newKey: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
    },
    { ...config, nodeCa },
  );
}
