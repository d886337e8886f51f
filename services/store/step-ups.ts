import { type Kysely, sql } from 'kysely';

import type { AuditEvent } from '#core/audit-record.ts';

import { appendAudit } from './append-audit.ts';
import { type ParameterOf, prepareQuery } from './prepared-query.ts';
import type { Schema, StepUpChallengesTable, StepUpCountersTable } from './schema.ts';
import type { StoreParts } from './store-parts.ts';

/** A security key's signature over one act, verified and about to be used. */
export interface StepUpUse {
  /** SHA-256 over the act, lower-case hex: what the key signed. */
  readonly challenge: string;
  /** The challenge is refused as expired from then on, before the store is asked. */
  readonly expiresAt: Date;
  /** Challenges that expired before this are forgotten on the way. */
  readonly forgetBefore: Date;
  /** The key's credential id, base64url. */
  readonly credential: string;
  /** As the key signed it. */
  readonly counter: number;
}

/** What using a signature came to. The challenge is spent after each of them. */
export type StepUpUsed = 'used' | 'spent' | 'counter-back';

/** Second factors that were used. */
export interface StepUpStore {
  /**
   * Spends the challenge and moves the key's counter on, with `event`, in one transaction. At most one caller, over all replicas and time, gets
   * `used` for a challenge. `counter-back`: the key has signed with this counter or a later one before, so that there may be two of it; a key that
   * always signs with zero has none (WebAuthn Level 2 §6.1.1). `event` is on record after `used` alone.
   */
  useStepUp(use: StepUpUse, event: AuditEvent): Promise<StepUpUsed>;
}

export function stepUpOperations({ builder, transact, queries: { audit } }: StoreParts): StepUpStore {
  const stepUps = stepUpQueries(builder);
  return {
    useStepUp: ({ challenge, expiresAt, forgetBefore, credential, counter }, event) =>
      transact(async (tx): Promise<StepUpUsed> => {
        await stepUps.forget(tx, { before: forgetBefore.toISOString() });
        const spent = await stepUps.spend(tx, { challenge, expires_at: expiresAt.toISOString() });
        if (spent.affected !== 1) return 'spent';
        const counted = await stepUps.count(tx, { credential, counter });
        if (counted.affected !== 1) return 'counter-back';
        await appendAudit(tx, audit, event);
        return 'used';
      }),
  };
}

function stepUpQueries(db: Kysely<Schema>) {
  return {
    /** One row affected for the first caller; none for every other. The primary key decides, not a look-up. */
    spend: prepareQuery((p: ParameterOf<Pick<StepUpChallengesTable, 'challenge' | 'expires_at'>>) =>
      db
        .insertInto('step_up_challenges')
        .values({ challenge: p('challenge'), expires_at: p('expires_at') })
        .onConflict((conflict) => conflict.column('challenge').doNothing()),
    ),
    /** One row affected when the counter is a later one than ever before, or there is none. */
    count: prepareQuery((p: ParameterOf<Pick<StepUpCountersTable, 'credential' | 'counter'>>) =>
      db
        .insertInto('step_up_counters')
        .values({ credential: p('credential'), counter: p('counter') })
        .onConflict((conflict) =>
          conflict
            .column('credential')
            .doUpdateSet({ counter: (eb) => eb.ref('excluded.counter') })
            .where(
              sql<boolean>`excluded.counter > step_up_counters.counter or (excluded.counter = 0 and step_up_counters.counter = 0)`,
            ),
        ),
    ),
    forget: prepareQuery((p: ParameterOf<{ before: string }>) =>
      db.deleteFrom('step_up_challenges').where('expires_at', '<', p('before')),
    ),
  };
}
