import type { AuditCatalogue, AuditEventOf } from './catalogue.ts';
import { adminActor, type Occasion } from './events.ts';

/** `subject`: the administrator's, from the client certificate. The act has not been done. */
export function stepUpRequired(
  occasion: Occasion,
  subject: string,
  facts: AuditCatalogue['step-up.required'],
): AuditEventOf<'step-up.required'> {
  return { type: 'step-up.required', ...occasion, actor: adminActor(subject), facts };
}

/** Belongs in the transaction that spends the challenge, ahead of the act. */
export function stepUpAccepted(
  occasion: Occasion,
  subject: string,
  facts: AuditCatalogue['step-up.accepted'],
): AuditEventOf<'step-up.accepted'> {
  return { type: 'step-up.accepted', ...occasion, actor: adminActor(subject), facts };
}

/** The caller was not told which check failed. */
export function stepUpRefused(
  occasion: Occasion,
  subject: string,
  facts: AuditCatalogue['step-up.refused'],
): AuditEventOf<'step-up.refused'> {
  return { type: 'step-up.refused', ...occasion, actor: adminActor(subject), facts };
}
