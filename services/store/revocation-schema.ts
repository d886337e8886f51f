import type { Serial } from '#core/ids.ts';

import type { RevocationRecord } from './revocations.ts';

/** One row a certificate that ever stood on the list. */
export interface RevocationsTable {
  serial: Serial;
  not_after: string;
  reason: RevocationRecord['reason'];
  revoked_at: string;
  change: number;
  /** 1 once it stood in every issuer's list past its expiry. */
  dropped: number;
}

/** One row an issuer. */
export interface CrlsTable {
  /** The issuing key's identifier, lower-case hex. */
  issuer_key_id: string;
  /** The last that was taken, whether a list was published under it or not. */
  number: number;
  published_at: string | null;
  published_through: number | null;
}
