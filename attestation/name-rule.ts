import { type EkFingerprint, isNodeName, type NodeName, type PoolName } from '#core/ids.ts';

/** Facts that a node's name may be made of: each was verified, and none is the machine's word. */
export interface NamedBy {
  readonly pool: PoolName;
  readonly ekFingerprint: EkFingerprint;
}

/** `{pool}` and one `{ek:N}`, N hex digits of the EK's hash, 12 to 40, between characters of a name. */
const RULE = /^(?:[a-z0-9.-]|\{pool\})*\{ek:(?:1[2-9]|[23][0-9]|40)\}(?:[a-z0-9.-]|\{pool\})*$/;

/**
 * The name that `rule` gives a machine; undefined where the rule is not one, or what it gives is not a node's name (RFC 1123 subdomain of at
 * most 52 characters). Two EKs get one name only if their hashes begin alike for as many digits as the rule takes.
 */
export function nodeNameByRule(rule: string, { pool, ekFingerprint }: NamedBy): NodeName | undefined {
  if (!RULE.test(rule)) return undefined;
  const name = rule
    .replaceAll('{pool}', pool)
    .replace(/\{ek:([0-9]+)\}/, (_, digits: string) => ekFingerprint.slice(0, Number(digits)));
  return isNodeName(name) ? name : undefined;
}
