import { utf8 } from '#core/bytes.ts';
import type { Clock } from '#core/clock.ts';
import { sha256Hex } from '#core/digest.ts';
import { authoritiesChanged } from '#services/audit/events.ts';
import { isRecordOf } from '#services/audit/catalogue.ts';
import type { Store } from '#services/store/store.ts';

import { type Authorities, bundlePem, keyIdOf } from '#services/authorities.ts';

/**
 * Puts the node CAs on record where they are others than at the start before, and gives the time since when the service has had these: what says
 * for how long agents could follow. Rejects as the store does.
 */
export async function recordAuthorities(
  authorities: Authorities,
  { store, now }: { readonly store: Pick<Store, 'readAuditOfType' | 'appendAudit'>; readonly now: Clock },
): Promise<Date> {
  const [signing, ...retired] = authorities.signing.map(({ certificate }) => keyIdOf(certificate));
  if (signing === undefined) throw new Error('there is always one that signs');
  const facts = {
    signing,
    retired,
    next: authorities.issuing.map(keyIdOf).find((id) => id !== signing && !retired.includes(id)),
    roots: authorities.roots.map(keyIdOf),
    bundle: sha256Hex(utf8(bundlePem(authorities))),
  };
  const [last] = await store.readAuditOfType('authorities.changed', { limit: 1 });
  const isSame =
    last !== undefined &&
    isRecordOf(last, 'authorities.changed') &&
    last.facts.signing === signing &&
    last.facts.bundle === facts.bundle &&
    last.facts.retired.join() === retired.join();
  if (isSame) return last.at;
  const at = now();
  await store.appendAudit(authoritiesChanged(at, facts));
  return at;
}
