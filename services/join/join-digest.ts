import { canonicalJson } from '#core/canonical-json.ts';
import { sha256Hex } from '#core/digest.ts';
import { toHex, utf8 } from '#core/bytes.ts';
import { unreachable } from '#core/never.ts';
import type { Evidence, JoinRequest } from '#protocol/join.ts';

/**
 * SHA-256 over what a join request says, lower-case hex: the same for the same request however its JSON was written, so that an
 * attester which orders its members anew on a retry is still told from one that sends something else with the same ticket.
 */
export function joinDigest(request: JoinRequest): string {
  return sha256Hex(utf8(canonicalJson({ csr: sha256Hex(request.csr), evidence: evidenceFields(request.evidence) })));
}

function evidenceFields(evidence: Evidence) {
  switch (evidence.kind) {
    case 'tpm2-quote': {
      const { kind, activationSecret, quoted, signature, pcrs, eventLog, imaLog } = evidence;
      return {
        kind,
        activationSecret: sha256Hex(activationSecret),
        quoted: toHex(quoted),
        signature: toHex(signature),
        pcrs,
        eventLog: eventLog === undefined ? undefined : sha256Hex(eventLog),
        imaLog: imaLog === undefined ? undefined : sha256Hex(imaLog),
      };
    }
    case 'signed-measurements':
      return { kind: evidence.kind, token: evidence.token };
    default:
      return unreachable(evidence);
  }
}
