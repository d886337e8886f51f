import type { CrlPlan } from '#pki/crl.ts';
import type { PublishedCrl, RevocationRecord } from '#services/store/revocations.ts';

/** To the worker; each gets one answer, in order. */
export type ToCrlWorker =
  | { readonly kind: 'put'; readonly records: readonly RevocationRecord[]; readonly now: Date }
  | { readonly kind: 'forget'; readonly published: PublishedCrl }
  | { readonly kind: 'prepare'; readonly plan: Omit<CrlPlan, 'entries'> };

export type FromCrlWorker =
  | { readonly kind: 'done'; readonly size: number }
  | { readonly kind: 'prepared'; readonly tbs: Uint8Array<ArrayBuffer>; readonly size: number }
  | { readonly kind: 'failed'; readonly message: string };
