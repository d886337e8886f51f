import { z } from 'zod';

import { ask, type ClusterClient, ClusterRefusal } from '../cluster/cluster-client.ts';
import { parseList } from '../cluster/cluster-objects.ts';

const podSchema = z.looseObject({
  metadata: z.looseObject({ namespace: z.string(), name: z.string(), uid: z.string() }),
  spec: z.looseObject({ nodeName: z.string() }),
});

const PAGE = 500;

/**
 * Deletes every pod that is bound to the node, at once: the tokens bound to them die with them, and watches that the node still has open carry
 * nothing of theirs. The kubelet of a barred node could not confirm a graceful end. Resolves to how many there were.
 */
export async function deletePods(client: ClusterClient, nodeName: string, stop: AbortSignal): Promise<number> {
  let deleted = 0;
  let next: string | undefined;
  do {
    const query = new URLSearchParams({
      fieldSelector: `spec.nodeName=${nodeName}`,
      limit: String(PAGE),
      ...(next === undefined ? {} : { continue: next }),
    });
    const page = parseList(await ask(client, { method: 'GET', path: `/api/v1/pods?${query.toString()}` }, stop));
    for (const item of page.items) {
      const { metadata, spec } = podSchema.parse(item);
      // The server selects; deleting somebody else's pod for a server that did not is out of the question.
      if (spec.nodeName === nodeName) deleted += await deletePod(client, metadata, stop);
    }
    next = page.next;
  } while (next !== undefined);
  return deleted;
}

async function deletePod(
  client: ClusterClient,
  { namespace, name, uid }: { readonly namespace: string; readonly name: string; readonly uid: string },
  stop: AbortSignal,
): Promise<number> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}`;
  const body = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions: { uid } };
  try {
    await ask(client, { method: 'DELETE', path, body }, stop);
    return 1;
  } catch (error) {
    // Gone, or another pod by now: it is looked at again.
    if (error instanceof ClusterRefusal && [404, 409].includes(error.status)) return 0;
    throw error;
  }
}
