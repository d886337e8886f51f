import { outcomeFailure } from '../explain.ts';
import type { HeldCredential } from '../held-credential.ts';
import type { JoinedNode } from '../join-cluster.ts';
import type { Setback } from './retries.ts';

/** For the journal: the new certificate, one line. */
export function renderSuccess({ node, certificate }: JoinedNode): string {
  const { serial, notAfter } = certificate;
  return `Joined as ${node.name} in pool ${node.pool}, rating ${node.protectionRating}: certificate ${serial} is valid until ${notAfter}.`;
}

/** For the journal: why there is no new certificate, what that means for the node, and when it asks again; one line. */
export function renderSetback(setback: Setback, held: HeldCredential | undefined, retryMs: number): string {
  const means =
    held === undefined
      ? 'This node has no valid certificate'
      : `The present certificate stays in use until ${held.notAfter.toISOString()}`;
  return `${sentenceOf(setback)} ${means}; asking again in ${renderWait(retryMs)}.`;
}

function sentenceOf(setback: Setback): string {
  switch (setback.status) {
    case 'failed':
      return setback.failure.message;
    // Its sentence for a person ends in "run the same command again".
    case 'not-yet':
      return `The service has issued no certificate, because ${setback.reason}.`;
    case 'refused':
    case 'unreachable':
    case 'answer-unusable':
      return outcomeFailure(setback).message;
  }
}

const renderWait = (ms: number): string =>
  ms < 120_000 ? `${Math.ceil(ms / 1_000)} s` : `${Math.round(ms / 60_000)} min`;
