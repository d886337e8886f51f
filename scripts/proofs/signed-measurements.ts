import { attack, type CheckProof } from './check-proof.ts';

const JWS = 'attestation/signed-measurements/verify-jws.ts';
const TOKEN = 'attestation/signed-measurements/verify-token.ts';
const APPRAISAL = 'attestation/signed-measurements/appraise-measurements.ts';
const ENROL = 'services/join/enrol-key.ts';
const TOKEN_TEST = 'test/attestation/signed-measurements/verify-token.test.ts';
const JOIN_TEST = 'test/join/signed-measurements-join.test.ts';
const FORGED = attack('T71-forged-measurements');
const CLONED = attack('T72-cloned-measurement-key');
const MISUSED = attack('T73-join-token-misused');
const RATED = attack('T74-measurements-above-their-rating');

const row = (removes: string, file: string, check: string, without: string, test: string): CheckProof => ({
  removes,
  file,
  check,
  without,
  test,
});

/** Machines without a TPM: their tokens, their keys, and that a key has one holder. */
export const SIGNED_MEASUREMENTS_PROOFS: readonly CheckProof[] = [
  row(
    'the signature',
    JWS,
    "!verify(key.hash, signed, { key: key.key, dsaEncoding: 'ieee-p1363' }, bytes)",
    'false',
    FORGED,
  ),
  row('the algorithm of the key', JWS, 'if (alg !== key.alg)', 'if (false)', TOKEN_TEST),
  row('the key id', JWS, 'return kid === key.id ?', 'return kid !== undefined ?', TOKEN_TEST),
  row('the nonce', TOKEN, 'if (!equalBytes(nonce, input.qualifyingData)) {', 'if (false) {', FORGED),
  row('the UEID', TOKEN, 'if (!equalBytes(ueid, concatBytes(UEID_RAND, fromHex(key.id)))) {', 'if (false) {', FORGED),
  row(
    'the time',
    TOKEN,
    'if (Math.abs(issuedAt.getTime() - input.now.getTime()) > IAT_WINDOW_SECONDS * 1_000) {',
    'if (false) {',
    FORGED,
  ),
  row(
    'the accepted values',
    APPRAISAL,
    'if (list.includes(value)) continue;',
    'if (value !== undefined) continue;',
    JOIN_TEST,
  ),
  row(
    'the rating, when appraised',
    APPRAISAL,
    'if (protectionRating !== MEASUREMENTS_RATING) {',
    'if (false) {',
    RATED,
  ),
  row(
    'the rating, when a policy is loaded',
    'attestation/signed-measurements/policy-contradiction.ts',
    'if (signedMeasurements === undefined || protectionRating === MEASUREMENTS_RATING) return [];',
    'if (protectionRating !== undefined) return [];',
    RATED,
  ),
  row(
    'that a pool takes such machines',
    APPRAISAL,
    'if (accepted === undefined) {',
    'if (accepted === undefined && denials.length > 9) {',
    JOIN_TEST,
  ),
  row(
    'that the newest was used',
    'core/generation.ts',
    'return shown === previous && !newestUsed',
    'return shown === previous',
    JOIN_TEST,
  ),
  row(
    'that an older certificate is a conflict',
    'core/generation.ts',
    "'answer-lost' : 'conflict';",
    "'answer-lost' : 'newest';",
    CLONED,
  ),
  row(
    'the quarantine of a copied key',
    'services/join/key-conflict.ts',
    'return denial && { denial, holders: [], freezes: listed(node) };',
    'return denial && { denial, holders: [], freezes: [] };',
    CLONED,
  ),
  row(
    'the secret',
    ENROL,
    'return equalBytes(hash, expected) && record !== undefined;',
    'return record !== undefined;',
    MISUSED,
  ),
  row(
    'the proof of possession',
    ENROL,
    'if (!(payload instanceof Uint8Array)) return false;',
    'if (!(payload instanceof Uint8Array)) return true;',
    MISUSED,
  ),
  row('whom the proof is for', ENROL, 'claims.data.aud === audience && ', '', MISUSED),
  row('the expiry', ENROL, "if (now >= record.expiresAt) return 'expired';", '', MISUSED),
  row('the revocation', ENROL, "if (record.revokedAt !== undefined) return 'revoked';", '', MISUSED),
];
