import { type Bytes, equalBytes } from '#core/bytes.ts';
import { isNodeName, type NodeName } from '#core/ids.ts';

import { oid, printableString, sequence, setOf } from './x509/der-writer.ts';
import type { Name } from './x509/name.ts';
import { ATTRIBUTE } from './x509/oids.ts';

const PREFIX = 'system:node:';
/** The one group that makes a certificate a kubelet's; Kubernetes asks for exactly this organization and no other. */
const ORGANIZATION = setOf(sequence(oid(ATTRIBUTE.organization), printableString('system:nodes')));
const COMMON_NAME = oid(ATTRIBUTE.commonName);

/**
 * DER of the subject that Kubernetes knows a node by: O=system:nodes, CN=system:node:<name>, both PrintableString, one attribute per
 * relative name, as the in-tree signer writes it. The CN is at most 64 characters (RFC 5280 ub-common-name) because a NodeName is at most 52.
 */
export function nodeSubject(name: NodeName): Bytes {
  return sequence(ORGANIZATION, setOf(sequence(COMMON_NAME, printableString(PREFIX + name))));
}

/** The node that `subject` stands for; undefined unless it is byte for byte what `nodeSubject` makes of that node's name. */
export function subjectNode(subject: Name): NodeName | undefined {
  const commonName = subject.rdns.at(-1)?.[0];
  if (commonName?.type !== ATTRIBUTE.commonName) return undefined;
  const text = Buffer.from(commonName.value).toString('latin1');
  const name = text.slice(PREFIX.length);
  if (!text.startsWith(PREFIX) || !isNodeName(name)) return undefined;
  return equalBytes(nodeSubject(name), subject.raw) ? name : undefined;
}
