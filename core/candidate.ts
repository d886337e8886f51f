import type { Bytes } from './bytes.ts';
import { canonicalJson } from './canonical-json.ts';
import type { CandidateId, EkFingerprint, NodeId, PoolName, RequestId } from './ids.ts';

/**
 * What a machine that waits for approval has proven, and the two things it merely says: `claimedNodeName`, and nothing else. The rest was
 * verified and found good by its pool's policy; without that it would not wait. JSON, so that the store keeps it as it is.
 */
export type CandidateProof = {
  /** What the machine says its name is. */
  readonly claimedNodeName: string;
  /** The address that it joined from, as the listener established it. */
  readonly address: string;
  readonly akName: string;
  /** Undefined where the pool does without: its EK is then any key at all. */
  readonly ekCertificate:
    | {
        readonly manufacturer: string;
        readonly model: string;
        readonly version: string;
        readonly software: boolean;
        readonly anchor: string;
      }
    | undefined;
  readonly bank: string;
  /** Values by index in decimal, lower-case hex. */
  readonly pcrs: Readonly<Record<string, string>>;
  /** The reference values that matched, by name. Undefined where something else judges every PCR. */
  readonly referenceValues: string | undefined;
  /** 16 hex digits, as the TPM packs it. */
  readonly firmwareVersion: string;
  /** What the event log proves, for people. Undefined where the pool asks for none. */
  readonly boot:
    | { readonly secureBoot: boolean; readonly commandLines: readonly string[]; readonly applications: number }
    | undefined;
  /** True where the key of the certificate request answered at `address`. */
  readonly calledBack: boolean;
};

/** A machine that waits for an administrator, or that one refused. At most one for each EK. */
export interface Candidate {
  readonly id: CandidateId;
  readonly ekFingerprint: EkFingerprint;
  /** DER, as the machine showed it; chained to an anchor where `latest.ekCertificate` is set. */
  readonly ekCertificate: Bytes | undefined;
  /** The pool that would take it. */
  readonly pool: PoolName;
  /** The node whose approval it waits for; undefined for a machine that nobody enrolled. */
  readonly nodeId: NodeId | undefined;
  readonly state: 'waiting' | 'refused';
  readonly firstSeenAt: Date;
  readonly lastSeenAt: Date;
  /** It is forgotten then. */
  readonly expiresAt: Date;
  /** Its newest join. */
  readonly requestId: RequestId;
  /** Counts the times that it proved something else than before: what an approver saw has a number. */
  readonly revision: number;
  /** When it was first seen. */
  readonly first: CandidateProof;
  /** At its newest join. */
  readonly latest: CandidateProof;
  readonly refusal: { readonly by: string; readonly at: Date; readonly reason: string } | undefined;
}

/** Where a candidate's proof is not what it was when it was first seen: the member, as it was and as it is. */
export interface ProofChange {
  readonly member: string;
  readonly first: string;
  readonly latest: string;
}

/** Every difference between the two proofs, PCR by PCR, in order of member. */
export function proofChanges(first: CandidateProof, latest: CandidateProof): readonly ProofChange[] {
  const before = flatten(first);
  const after = flatten(latest);
  return [...new Set([...before.keys(), ...after.keys()])]
    .toSorted()
    .map((member) => ({ member, first: before.get(member) ?? 'none', latest: after.get(member) ?? 'none' }))
    .filter((change) => change.first !== change.latest);
}

function flatten(proof: CandidateProof): ReadonlyMap<string, string> {
  const { pcrs, ekCertificate, boot, ...rest } = proof;
  const plain = Object.entries(rest).filter(([, value]) => value !== undefined);
  return new Map([
    ...plain.map(([member, value]): [string, string] => [member, String(value)]),
    ...Object.entries(pcrs).map(([pcr, value]): [string, string] => [`PCR ${pcr}`, value]),
    ...(ekCertificate === undefined ? [] : [['ekCertificate', canonicalJson(ekCertificate)] as const]),
    ...(boot === undefined ? [] : [['boot', canonicalJson(boot)] as const]),
  ]);
}
