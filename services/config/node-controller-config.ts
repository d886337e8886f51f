import { z } from 'zod';

import { REMOVALS } from '#services/kubernetes/node-controller/node-plan.ts';

const removal = z.enum(REMOVALS);

/** Which kubeconfig the service works on the cluster with. */
export const kubeconfigSchema = z
  .string()
  .min(1)
  .max(4_096)
  .optional()
  .describe(
    'Kubeconfig of the node controller; mode 0600 or stricter. Its rights are those that `muster kubernetes config` prints. Without it nothing in the cluster is read or changed.',
  );

/** What the node controller does beside labels, taints and cordons. */
export const nodeControllerSchema = z
  .strictObject({
    deletePods: removal
      .default('barred')
      .describe(
        'Whose pods are deleted, without grace: of barred and retired nodes (`barred`), of quarantined ones too (`quarantined`), or nobody’s (`never`).',
      ),
    deleteNode: removal
      .default('never')
      .describe('Whose Node object is deleted, its pods before it; the same three. A released node registers again.'),
    createNodes: z
      .boolean()
      .default(false)
      .describe('Makes the Node of a joined node that has none, for kubelets that run with `registerNode: false`.'),
  })
  .prefault({})
  .describe('What the node controller does; needs `kubeconfig`.');

/** The path of the kubeconfig made absolute, where there is one. */
export const withAbsoluteKubeconfig = (
  { kubeconfig }: { readonly kubeconfig?: string | undefined },
  at: (name: string) => string,
): { readonly kubeconfig?: string } => (kubeconfig === undefined ? {} : { kubeconfig: at(kubeconfig) });
