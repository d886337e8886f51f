import { generateKeyPairSync, type KeyObject } from 'node:crypto';

import { utf8 } from '#core/bytes.ts';
import { type CertificateFingerprint, certificateFingerprint, isNodeName } from '#core/ids.ts';
import type { AllowedCertificate, SnapshotChange, SnapshotNode } from '#services/kubernetes/snapshot.ts';
import { Snapshot } from '#services/kubernetes/snapshot.ts';

import { afterNoon, labNodeId, NOON } from './store-values.ts';

/** The fingerprint of a certificate that only a test knows. */
export const labFingerprint = (name: string): CertificateFingerprint => certificateFingerprint(utf8(name));

/** A certificate good until eight hours after noon. */
export const labAllowed = (name: string, notAfter = afterNoon(28_800)): AllowedCertificate => ({
  fingerprint: labFingerprint(name),
  notAfter,
});

/** A joined node with the certificate `<name> new`, and before it `<name> old`. */
export function labSnapshotNode(name: string, override: Partial<SnapshotNode> = {}): SnapshotNode {
  if (!isNodeName(name)) throw new Error(`not a node name: ${name}`);
  return {
    name,
    id: labNodeId(Number(/\d+$/.exec(name)?.[0] ?? 0)),
    state: 'joined',
    current: [labAllowed(`${name} new`)],
    previous: [labAllowed(`${name} old`)],
    uids: [],
    ...override,
  };
}

/** A whole snapshot of `nodes` at noon, number 10. */
export const labStated = (nodes: readonly SnapshotNode[], override: Partial<SnapshotChange> = {}): SnapshotChange => ({
  change: 10,
  base: undefined,
  issuedAt: NOON,
  unmanaged: [],
  nodes,
  gone: [],
  ...override,
});

export function labSnapshot(nodes: readonly SnapshotNode[], override: Partial<SnapshotChange> = {}): Snapshot {
  const made = Snapshot.apply(undefined, labStated(nodes, override));
  if (typeof made === 'string') throw new Error(made);
  return made;
}

/** Keys that statements are signed and verified with. */
export const labSnapshotKeys = (): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } =>
  generateKeyPairSync('ed25519');
