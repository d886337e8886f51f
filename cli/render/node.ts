import type { NodeDetail } from '#protocol/inventory.ts';

import { styleConnectivity, styleNodeState, styleOutcome } from './states.ts';
import type { Style } from './style.ts';
import type { Column, Field } from './table.ts';
import { renderTime } from './time.ts';

type Node = NodeDetail['node'];
type Denial = NonNullable<Node['lastJoin']>['denials'][number];

/** Who a node is. */
export const identityOf = (node: Node, style: Style): readonly Field[] => [
  ['Name', node.name],
  ['Id', node.id],
  ['Pool', node.pool],
  ['Rating', node.protectionRating ?? 'none: the policy has no such pool'],
  ['State', node.state, styleNodeState(node.state, style)],
  ['EK', `${node.ekFingerprint}${node.hasEkCertificate ? '' : ' (enrolled by hash, without a certificate)'}`],
  ['Enrolled', `${renderTime(node.enrolledAt)} by ${node.enrolledBy}`],
];

const since = (time: string | undefined): string => (time === undefined ? '' : ` since ${renderTime(time)}`);
const timeOf = (time: string | undefined): string | undefined => (time === undefined ? undefined : renderTime(time));

/** What was heard of a node. */
export function contactOf(node: Node, style: Style): readonly Field[] {
  const { connectivity = 'never-seen', clockOffsetMs: offset, bootId, cluster, renewRequestedAt: asked } = node;
  const seconds = offset === undefined ? undefined : (Math.abs(offset) / 1_000).toFixed(1);
  return [
    ['Connectivity', `${connectivity}${since(node.connectivitySince)}`, styleConnectivity(connectivity, style)],
    ['Last heartbeat', timeOf(node.lastHeartbeatAt)],
    ['Last lease', timeOf(node.lastLeaseAt)],
    ['Agent', node.agentVersion],
    ['Its clock', seconds && `${seconds} s ${(offset ?? 0) < 0 ? 'behind' : 'ahead'}`],
    ['Boot', bootId && `${bootId}${since(node.bootSeenAt)}, ${node.bootsSeen} seen`],
    ['Renewal', asked && `asked for ${renderTime(asked)}`, style.warn],
    ['In the cluster', cluster?.conditions.map(({ type, status }) => `${type}=${status}`).join(' ')],
  ];
}

/** What a node last proved, or failed to. */
export function proofOf(node: Node, style: Style): readonly Field[] {
  const { lastJoinAt, lastAddress, lastJoin: join, akName, bootEpoch } = node;
  const because = [join?.problem, join?.reason, join?.referenceValues && `matches ${join.referenceValues}`];
  const evidence =
    join && [`${join.outcome} ${renderTime(join.at)}`, ...because.filter((part) => part !== undefined)].join(', ');
  const paint = join === undefined ? style.faint : styleOutcome(join.outcome, style);
  const advisories = join?.advisories.map(({ code }) => code) ?? [];
  return [
    ['Last join', lastJoinAt === undefined ? 'never' : `${renderTime(lastJoinAt)} from ${lastAddress ?? '?'}`],
    ['Evidence', evidence, paint],
    ['Advisories', advisories.length === 0 ? undefined : advisories.join(' ')],
    ['AK', akName],
    ['TPM counters', bootEpoch && `${bootEpoch.resetCount} resets, ${bootEpoch.restartCount} restarts`],
  ];
}

/** How the newest join differs from what was wanted, check by check. */
export const DENIAL_COLUMNS: readonly Column<Denial>[] = [
  { heading: 'DIFFERENCE', cell: (denial) => denial.code, style: (_, style) => style.bad },
  { heading: 'PCR', cell: (denial) => (denial.pcr === undefined ? undefined : String(denial.pcr)) },
  { heading: 'EXPECTED', cell: (denial) => denial.expected },
  { heading: 'FOUND', cell: (denial) => denial.found ?? denial.detail },
];

/** Where a node was heard from. */
export const ADDRESS_COLUMNS: readonly Column<Node['addresses'][number]>[] = [
  { heading: 'ADDRESS', cell: ({ address }) => address },
  { heading: 'FIRST SEEN', cell: ({ firstSeenAt }) => renderTime(firstSeenAt) },
  { heading: 'LAST SEEN', cell: ({ lastSeenAt }) => renderTime(lastSeenAt) },
];
