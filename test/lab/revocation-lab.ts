import { newRequestId, type NodeId, type Serial } from '#core/ids.ts';
import type { NodeChange } from '#core/node-life.ts';
import { systemRandom } from '#core/random.ts';
import type { RevocationReason } from '#core/revocation-reason.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import type { Store } from '#services/store/store.ts';

import { enrol, join, type JoinLab, nodeName } from './join-lab.ts';
import { labTpm } from './software-tpm.ts';
import { labEvent } from './store-values.ts';

/** A machine that joined, and its certificate. */
export interface Joined {
  readonly id: NodeId;
  readonly name: string;
  readonly serial: Serial;
  readonly der: Buffer;
}

/** A node of its own that is enrolled and has joined. */
export async function joinedNode(lab: JoinLab<Store>, name: string): Promise<Joined> {
  const tpm = labTpm();
  const { id } = await enrol(lab.store, tpm, { name });
  const outcome = await join({ deps: lab.deps, tpm }, { name });
  if (!outcome.ok) throw new Error(`not joined: ${outcome.problem}`);
  const { serial, der } = outcome.admitted.certificate;
  parseCertificate(der);
  return { id, name, serial, der: Buffer.from(der) };
}

/** Changes one node's standing, as an administrator would. Throws unless it was allowed. */
export async function changeNode(
  store: Store,
  { id, name }: Pick<Joined, 'id' | 'name'>,
  change: NodeChange,
  { at, reason }: { readonly at: Date; readonly reason?: RevocationReason },
): Promise<void> {
  const event = labEvent({
    type: `node.${change}`,
    at,
    nodeName: nodeName(name),
    requestId: newRequestId(systemRandom),
  });
  const outcome = await store.changeNodes({ change, at, reason, nodes: [{ id, event }] });
  if (!outcome.ok) throw new Error(`${change} refused: ${JSON.stringify(outcome.refused)}`);
}
