import type { AuditEvent } from '#core/audit-record.ts';
import type { Clock } from '#core/clock.ts';
import type { Serial } from '#core/ids.ts';
import type { IssuanceIntent, IssuedCertificate } from '#core/issuance.ts';
import type { Issuer } from '#pki/issuer.ts';
import { certificateOrphaned } from '#services/audit/events.ts';

import type { SignerGate } from './signer-gate.ts';

export interface OrphanIntentDeps {
  readonly now: Clock;
  readonly orphanSerials: (
    orphanings: readonly { readonly serial: Serial; readonly event: AuditEvent }[],
  ) => Promise<readonly Serial[]>;
  /** Tells whoever is on call that a person must act. */
  readonly alert: (facts: Readonly<Record<string, unknown>>, message: string) => void;
}

export interface SignOrOrphanDeps extends OrphanIntentDeps {
  readonly issuer: Pick<Issuer, 'sign'>;
  readonly signerGate: Pick<SignerGate, 'failed'>;
}

/**
 * Signs. Where that fails the intent is orphaned before the fault is passed on, so that the node's retry is told to begin anew and does not
 * wait for a certificate that nobody makes. Where the store fails as well, the intent stays as it is until the next start.
 */
export async function signOrOrphan(deps: SignOrOrphanDeps, intent: IssuanceIntent): Promise<IssuedCertificate> {
  try {
    return await deps.issuer.sign(intent);
  } catch (fault) {
    deps.signerGate.failed(fault);
    await orphanIntent(deps, intent);
    throw fault;
  }
}

/**
 * An intent that becomes no certificate any more is `orphaned` and on the revocation list, with its record: whether something was signed for
 * it is not always known. One that was revoked in the meantime stays that. Never rejects.
 */
export async function orphanIntent(
  { now, orphanSerials, alert }: OrphanIntentDeps,
  intent: IssuanceIntent,
): Promise<void> {
  const { serial } = intent;
  try {
    await orphanSerials([{ serial, event: certificateOrphaned(now(), intent) }]);
  } catch (error) {
    alert({ serial, err: error }, 'serial number stays reserved until the next start');
  }
}
