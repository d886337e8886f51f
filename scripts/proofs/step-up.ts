import { attack, type CheckProof } from './check-proof.ts';

const VERIFY = 'services/admin/step-up/verify-assertion.ts';
const DEMAND = 'services/admin/step-up/demand.ts';
const STEP_UP = 'services/admin/step-up/step-up.ts';
const STORE = 'services/store/step-ups.ts';
const A16 = attack('A16-second-factor-replayed');
const X09 = attack('X09-rogue-administrator');

const one = (removes: string, file: string, check: string, without: string, test = A16): CheckProof => ({
  removes,
  file,
  check,
  without,
  test,
});

/** What the second factor of administrators establishes. */
export const STEP_UP_PROOFS: readonly CheckProof[] = [
  one('the signature', VERIFY, 'if (!isSignedBy(expected.key, signed, signature))', 'if (false)'),
  one('the type of the client data', VERIFY, "if (told.type !== 'webauthn.get')", 'if (false)'),
  one('the challenge', VERIFY, 'if (told.challenge !== toBase64Url(expected.challenge))', 'if (false)'),
  one('the origin', VERIFY, 'if (told.origin !== stepUpOrigin(expected.relyingParty))', 'if (false)'),
  one('the frame', VERIFY, 'if (told.crossOrigin === true)', 'if (false)'),
  one('the length of authenticator data', VERIFY, 'if (data.byteLength !== AUTHENTICATOR_DATA_BYTES)', 'if (false)'),
  one('that nothing follows', VERIFY, 'if ((flags & MORE_FOLLOWS) !== 0)', 'if (false)'),
  one('the relying party', VERIFY, 'if (!equalBytes(data.subarray(0, 32), sha256(utf8(relyingParty))))', 'if (false)'),
  one('user presence', VERIFY, 'if ((flags & USER_PRESENT) === 0)', 'if (false)'),
  one('user verification', VERIFY, 'if ((flags & USER_VERIFIED) === 0)', 'if (false)'),
  one('the expiry', DEMAND, 'if (now >= expiresAt)', 'if (false)'),
  one(
    'the act that was signed',
    DEMAND,
    'if (!equalBytes(challenge, facts.subarray(NONCE_BYTES + EXPIRY_BYTES)))',
    'if (false)',
  ),
  one('whose key it is', STEP_UP, 'keys.find(({ credentialId }) => credentialId === credential)', 'keys[0]'),
  one('the limit on failures', STEP_UP, 'if (waitMs > 0)', 'if (false)'),
  one('that a challenge is spent', STORE, "if (spent.affected !== 1) return 'spent';", ''),
  one('the counter', STORE, "if (counted.affected !== 1) return 'counter-back';", ''),
  one(
    'that an administrator without a key is refused',
    STEP_UP,
    'if (!deps.require) return undefined;',
    'return undefined;',
    X09,
  ),
  one(
    'the second factor of changes to many',
    'services/admin/step-up/acts.ts',
    'if (dryRun) return [];',
    'return [];',
    X09,
  ),
  one(
    'the digest of the body',
    'services/admin/step-up/guard-routes.ts',
    'bodyDigest: digestOf(sent),',
    'bodyDigest: digestOf(undefined),',
    X09,
  ),
];
