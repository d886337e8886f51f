import { setImmediate as nextTurn } from 'node:timers/promises';

import { type Bytes, toHex } from '#core/bytes.ts';

import { CRL_ENTRY_PROFILE_RULES, CRL_ENTRY_RULES } from './lint/crl-entry-rules.ts';
import { CRL_PROFILE_RULES, CRL_RULES } from './lint/crl-rules.ts';
import { type CrlEntryView, type CrlView, crlView, readCrlEntry } from './lint/crl-view.ts';
import { type Finding, findingsOf, type Rule } from './lint/rule.ts';
import type { Certificate } from './x509/certificate.ts';
import { DerReader } from './x509/der-reader.ts';
import { X509FormatError } from './x509/format-error.ts';

export interface CrlLintContext {
  /** The certificate whose key signs. Undefined: nothing is asked about the relation. */
  readonly issuer?: Certificate | undefined;
  /** True: the list is to be one of ours. False: only what RFC 5280 says of any. */
  readonly profile: boolean;
}

/** Entries looked at in one go before other work gets its turn: some 2 ms. */
const CHUNK = 500;

/**
 * Everything that is wrong with the CRL `der`; nothing when it may be signed and published. Bytes that do not parse as a CRL in strict DER
 * are one finding, `crl-malformed`. A rule about entries is reported for the first entry that breaks it. The signature is not looked at.
 * Lets other work have its turn between chunks of entries.
 */
export async function lintCrl(der: Bytes, { issuer, profile }: CrlLintContext): Promise<readonly Finding[]> {
  try {
    const view = crlView(der, issuer);
    const findings = findingsOf(profile ? [...CRL_RULES, ...CRL_PROFILE_RULES] : CRL_RULES, view);
    const entryRules = profile ? [...CRL_ENTRY_RULES, ...CRL_ENTRY_PROFILE_RULES] : CRL_ENTRY_RULES;
    return [...findings, ...(await entryFindings(view, entryRules))];
  } catch (error) {
    if (!(error instanceof X509FormatError)) throw error;
    return [{ rule: 'crl-malformed', clause: 'RFC 5280 §5.1, X.690 §10', detail: error.message }];
  }
}

async function entryFindings(view: CrlView, rules: readonly Rule<CrlEntryView>[]): Promise<readonly Finding[]> {
  const found = new Map<string, Finding>();
  const serials = new Set<string>();
  const reader = new DerReader(view.entries ?? Buffer.alloc(0), 'revokedCertificates');
  for (let index = 0; reader.remaining > 0; index += 1) {
    if (index % CHUNK === CHUNK - 1) await nextTurn();
    const entry = readCrlEntry(reader, view.thisUpdate);
    const at = (finding: Finding): Finding => ({ ...finding, detail: `entry ${index}: ${finding.detail}` });
    for (const finding of findingsOf(rules, entry)) if (!found.has(finding.rule)) found.set(finding.rule, at(finding));
    const serial = toHex(entry.serial);
    if (serials.has(serial)) found.set(SERIAL_TWICE.rule, at(SERIAL_TWICE));
    serials.add(serial);
  }
  return [...found.values()];
}

const SERIAL_TWICE: Finding = { rule: 'crl-serial-twice', clause: 'RFC 5280 §5.1.2.6', detail: 'a serial twice' };
