import { renderFirmware } from '#attestation/firmware-version.ts';
import type { VerifiedClaims } from '#attestation/result.ts';
import { unreachable } from '#core/never.ts';
import type { JoinFacts } from '#services/store/store.ts';

type Taught = Pick<JoinFacts, 'bootEpoch' | 'akName' | 'imaProgress'> &
  Partial<Pick<JoinFacts, 'generation' | 'firmwareVersion'>>;

/** What the next join of this node is compared with. */
export function taughtBy(claims: VerifiedClaims, policyVersion: string): Taught {
  switch (claims.kind) {
    case 'tpm2-quote': {
      const { bootEpoch, akName, ima, firmwareVersion } = claims;
      const imaProgress = ima === undefined ? undefined : { ...ima.state, policyVersion };
      return { bootEpoch, akName, imaProgress, firmwareVersion: renderFirmware(firmwareVersion) };
    }
    case 'signed-measurements':
      return {
        bootEpoch: undefined,
        akName: undefined,
        imaProgress: undefined,
        generation: { shown: claims.generation },
      };
    default:
      return unreachable(claims);
  }
}
