import type { CertificateSummary, JoinDetail, NodeSummary } from '#protocol/inventory.ts';

import type { Style } from './style.ts';

/** How a node's state is coloured: green where it may work, red where it may not, yellow where someone should look. */
export function styleNodeState(state: NodeSummary['state'], style: Style): (text: string) => string {
  if (state === 'joined') return style.good;
  if (state === 'quarantined' || state === 'barred') return style.bad;
  return state === 'pending' ? style.warn : style.faint;
}

/** How a node's connectivity is coloured. */
export function styleConnectivity(connectivity: NodeSummary['connectivity'], style: Style): (text: string) => string {
  if (connectivity === 'connected') return style.good;
  if (connectivity === 'lost') return style.bad;
  return connectivity === 'late' ? style.warn : style.faint;
}

/** How a certificate's state is coloured. */
export function styleCertificateState(state: CertificateSummary['state'], style: Style): (text: string) => string {
  if (state === 'issued') return style.good;
  return state === 'revoked' ? style.bad : style.warn;
}

/** How a join's outcome is coloured. */
export function styleOutcome(outcome: JoinDetail['outcome'], style: Style): (text: string) => string {
  if (outcome === 'issued') return style.good;
  return outcome === 'refused' ? style.bad : style.warn;
}
