import type { CheckProof } from './check-proof.ts';

const PLAN = 'services/kubernetes/node-controller/node-plan.ts';
const CONTROLLER = 'services/kubernetes/node-controller/node-controller.ts';
const VIEW = 'services/kubernetes/node-controller/cluster-view.ts';
const RUNNING = 'test/services/compose/keep-cluster.test.ts';

/** What the node controller must not touch, and what it must not leave out. */
export const KUBERNETES_PROOFS: readonly CheckProof[] = [
  {
    removes: 'that a retired node’s Node bears its own name',
    file: CONTROLLER,
    check: "record?.name === name && record.state === 'retired'",
    without: "record?.state === 'retired'",
    test: RUNNING,
  },
  {
    removes: 'the version that a change was decided on',
    file: CONTROLLER,
    check: '{ ...patch.metadata, resourceVersion, ',
    without: '{ ...patch.metadata, ...(resourceVersion === undefined ? {} : {}), ',
    test: RUNNING,
  },
  {
    removes: 'that containment lasts until the node has joined',
    file: PLAN,
    check: '      return { patch: undefined, actions: [], deletePods: false, deleteNode: false };\n    default',
    without: '      return planJoined(standing, node);\n    default',
    test: 'test/services/kubernetes/node-plan.test.ts',
  },
  {
    removes: 'that somebody else’s cordon stays',
    file: PLAN,
    check: 'unschedulable: isOurCordon ? false : node.unschedulable,',
    without: 'unschedulable: false,',
    test: RUNNING,
  },
  {
    removes: 'that an old Lease says nothing of now',
    file: VIEW,
    check: 'now.getTime() - renewedAt.getTime() <= FRESH_MS',
    without: 'true',
    test: RUNNING,
  },
];
