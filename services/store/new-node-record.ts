import { NO_GENERATION } from '#core/generation.ts';
import type { NodeRecord } from '#core/node-record.ts';

import type { Enrolment } from './store.ts';

/** The record of a node that was enrolled just now and has not joined. */
export function newNodeRecord(enrolment: Enrolment, by: string, at: Date): NodeRecord {
  const { measurementSpki: spki, ...members } = enrolment;
  return {
    ...members,
    measurementKey: spki && { spki, generations: NO_GENERATION },
    state: 'enrolled',
    enrolledAt: at,
    enrolledBy: by,
    lastJoinAt: undefined,
    lastAddress: undefined,
    bootEpoch: undefined,
    akName: undefined,
    imaProgress: undefined,
  };
}
