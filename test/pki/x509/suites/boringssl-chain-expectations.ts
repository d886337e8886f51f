/**
 * Where BoringSSL accepts and we refuse, by test file, with the code and the reason. There is no entry, and no room for one, the other way
 * round: what BoringSSL refuses, we refuse. All of these are server-authentication tests; client authentication and any purpose agree throughout.
 */
export const STRICTER_THAN_BORINGSSL: Readonly<Record<string, { readonly code: string; readonly reason: string }>> = {
  'many-names/ok-all-types.test': {
    code: 'name-not-permitted',
    reason: 'The leaf has t171.test and more; the intermediate permits t0.test to t170.test (RFC 5280 §4.2.1.10).',
  },
  'root-eku-clientauth/serverauth-strict.test': {
    code: 'extended-key-usage-refused',
    reason: 'BoringSSL lets a strict server purpose pass an intermediate that states none; here strict means stated.',
  },
  'root-lacks-basic-constraints/ta-with-constraints.test': {
    code: 'not-a-ca',
    reason: 'An anchor held to its constraints must say that it is a CA.',
  },
  'target-msapplicationpolicies-and-eku/main.test': {
    code: 'critical-extension-unknown',
    reason: 'A critical extension of a vendor is unknown whatever else the certificate has.',
  },
  'target-not-end-entity/main.test': {
    code: 'key-usage-refused',
    reason: 'The leaf states keyCertSign and cRLSign only, which serves no TLS handshake.',
  },
  'target-serverauth-various-keyusages/ec-decipherOnly.test': {
    code: 'key-usage-refused',
    reason: 'decipherOnly alone serves no TLS handshake.',
  },
  'target-serverauth-various-keyusages/rsa-decipherOnly.test': {
    code: 'key-usage-refused',
    reason: 'decipherOnly alone serves no TLS handshake.',
  },
};

/** Settings of the suite that have no counterpart here; tests that use them are not run. */
export const NOT_APPLICABLE: Readonly<Record<string, string>> = {
  TRUSTED_LEAF: 'A leaf is trusted by its path alone.',
  TRUSTED_LEAF_REQUIRE_SELF_SIGNED: 'A leaf is trusted by its path alone.',
  TRUSTED_ANCHOR_OR_LEAF: 'A leaf is trusted by its path alone.',
  MLS_CLIENT_AUTH: 'Not a purpose of this system.',
  C2PA_TIMESTAMPING: 'Not a purpose of this system.',
  C2PA_MANIFEST: 'Not a purpose of this system.',
};
