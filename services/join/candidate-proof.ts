import type { VerifiedTpm2Claims } from '#attestation/result.ts';
import type { CandidateProof } from '#core/candidate.ts';
import type { NodeName } from '#core/ids.ts';
import { renderFirmware } from '#attestation/firmware-version.ts';
import type { Origin } from '#services/http/origin.ts';

export interface Proven {
  readonly claims: VerifiedTpm2Claims;
  readonly claimedNodeName: NodeName;
  readonly origin: Origin;
  readonly referenceValues: string | undefined;
  readonly calledBack: boolean;
}

/** What an approver is shown of a machine whose evidence its pool's policy affirms. */
export function candidateProof(proven: Proven): CandidateProof {
  const { claims, claimedNodeName, origin, referenceValues, calledBack } = proven;
  const { akName, bank, pcrs, boot, ek, firmwareVersion } = claims;
  return {
    claimedNodeName,
    address: origin,
    akName,
    ekCertificate: ek.certificate === undefined ? undefined : { ...ek.certificate },
    bank,
    pcrs: Object.fromEntries([...pcrs].map(([index, value]) => [String(index), value])),
    referenceValues,
    firmwareVersion: renderFirmware(firmwareVersion),
    boot:
      boot === undefined
        ? undefined
        : {
            secureBoot: boot.secureBoot?.proven === true,
            commandLines: [...(boot.grub?.commandLines ?? []), ...(boot.uki.commandLines ?? [])],
            applications: boot.bootApplications?.length ?? 0,
          },
    calledBack,
  };
}
