import type { Bytes } from './bytes.ts';
import type { HashName } from './digest.ts';
import type { Generations } from './generation.ts';
import type { EkFingerprint, NodeId, NodeName, PoolName } from './ids.ts';

/** How much a node must prove, and what it may then hold. Ordered: each asks for all that the one before asks. */
export type ProtectionRating = 'default' | 'protected' | 'highly-protected';

/** Where a node is in its life. */
export type NodeState = 'enrolled' | 'pending' | 'joined' | 'quarantined' | 'barred' | 'retired';

/** What the last heartbeats say about the way to a node. */
export type Connectivity = 'never-seen' | 'connected' | 'late' | 'lost';

/** A TPM's counters as its last accepted quote stated them. `clockMs` runs on while the epoch (the two counts) stands. */
export interface BootEpoch {
  readonly resetCount: number;
  readonly restartCount: number;
  readonly clockMs: bigint;
}

/** How far accepted evidence of one boot has proven a node's IMA list. */
export interface ImaProgress {
  /** The boot: the TPM's resetCount. */
  readonly resetCount: number;
  readonly bank: HashName;
  /** Proven records since the boot. */
  readonly records: number;
  /** PCR 10 after them, lower-case hex. */
  readonly pcr10: string;
  /** Records that were listed after them but not proven: how many, and SHA-256 of what they extend in order, lower-case hex. */
  readonly tail: { readonly records: number; readonly digest: string };
  /** The policy that accepted them. */
  readonly policyVersion: string;
}

/** The key that a node without a TPM signs its measurements with, and which certificates its holder was given. */
export interface MeasurementKeyRecord {
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Bytes;
  readonly generations: Generations;
}

/** One node as an administrator enrolled it, and what its accepted joins have added. */
export interface NodeRecord {
  readonly id: NodeId;
  readonly name: NodeName;
  readonly pool: PoolName;
  readonly state: NodeState;
  /** Of the key that it was enrolled with: its EK, or where `measurementKey` is set that key. */
  readonly ekFingerprint: EkFingerprint;
  /** DER of the EK certificate, where the node was enrolled with one. */
  readonly ekCertificate: Bytes | undefined;
  readonly enrolledAt: Date;
  readonly enrolledBy: string;
  /** Set from the first accepted join on. */
  readonly lastJoinAt: Date | undefined;
  readonly lastAddress: string | undefined;
  readonly bootEpoch: BootEpoch | undefined;
  /** The TPM Name of the last accepted AK, hex; tells a re-created AK from another one. */
  readonly akName: string | undefined;
  /** Set where an administrator approved the node on what it had proven. */
  readonly approval?: { readonly by: string; readonly at: Date } | undefined;
  /** Of the TPM, as the last accepted quote stated it: 16 hex digits. */
  readonly firmwareVersion?: string | undefined;
  /** Set by an accepted join whose pool asks for the IMA list. */
  readonly imaProgress: ImaProgress | undefined;
  /** Set where the node has no TPM. */
  readonly measurementKey?: MeasurementKeyRecord | undefined;
}
