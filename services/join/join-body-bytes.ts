import type { EvidencePolicy } from '#attestation/evidence-policy.ts';
import { EVENT_LOG_MAX_BYTES, IMA_LOG_MAX_BYTES } from '#protocol/join.ts';

/** What a join without logs fits in: ticket, certificate request, quote and PCR values, and nothing much larger. */
export const JOIN_BODY_BYTES = 262_144;

const base64Length = (bytes: number): number => Math.ceil((bytes * 4) / 3);

/** Bytes that the body of a join to this pool may have: room for the longest log of each kind that the pool asks for, and for no other. */
export const joinBodyBytes = ({ tpm2 }: Pick<EvidencePolicy, 'tpm2'>): number =>
  JOIN_BODY_BYTES +
  (tpm2.boot === undefined ? 0 : base64Length(EVENT_LOG_MAX_BYTES)) +
  (tpm2.ima === undefined ? 0 : base64Length(IMA_LOG_MAX_BYTES));
