const REASONS = [
  'crl-entry-reason-undefined',
  'crl-entry-reason-unspecified',
  'crl-entry-removed',
  'crl-profile-entry-reason',
];

/** zlint's and Boulder's rules about CRLs, and ours that ask the same: any of them must fire where theirs does. */
export const CRL_SUITE_RULES: Readonly<Record<string, readonly string[]>> = {
  e_cab_crl_has_valid_reason_code: REASONS,
  e_cab_crl_reason_code_not_critical: ['crl-entry-reason-critical'],
  e_crl_auth_key_id_only_contains_keyid: ['crl-authority-key-identifier-not-key-alone'],
  e_crl_empty_revoked_certificates: ['crl-entries-empty'],
  e_crl_extensions_validity: [
    'crl-profile-extensions',
    'crl-number-critical',
    'crl-authority-key-identifier-critical',
    'crl-malformed',
  ],
  e_crl_has_authority_key_identifier: ['crl-authority-key-identifier-missing'],
  e_crl_has_next_update: ['crl-next-update-missing'],
  e_crl_has_valid_reason_code: ['crl-entry-reason-undefined', 'crl-entry-reason-unspecified'],
  e_crl_missing_crl_number: ['crl-number-missing'],
  e_crl_next_update_invalid: ['crl-profile-lifetime'],
  e_crl_no_duplicate_extensions: ['crl-extension-twice'],
  e_crl_number_out_of_range: ['crl-number-out-of-range', 'crl-number-missing'],
  e_crl_revocation_date_too_early: ['crl-entry-before-crls'],
  e_crl_revocation_time_after_this_update: ['crl-entry-after-this-update'],
  e_crl_revoked_certificate_crl_entry_has_no_duplicate_extensions: ['crl-entry-extension-twice'],
  e_crl_sigalgo_missing_null_params: ['crl-signature-parameters'],
  e_crl_unique_revoked_certificate: ['crl-serial-twice'],
  crl_acceptable_reason_codes: REASONS,
  crl_has_aki: ['crl-authority-key-identifier-missing', 'crl-authority-key-identifier-not-key-alone'],
  crl_has_idp: ['crl-issuing-distribution-point-form'],
  crl_has_issuer_name: ['crl-issuer-empty'],
  crl_has_no_aia: ['crl-profile-extensions'],
  crl_has_no_cert_issuers: ['crl-profile-entry-extensions'],
  crl_has_number: ['crl-number-missing', 'crl-number-critical', 'crl-number-out-of-range'],
  crl_has_valid_timestamps: ['crl-time-form', 'crl-entry-time-form', 'crl-malformed'],
  crl_is_not_delta: ['crl-profile-extensions'],
  crl_no_critical_reason_codes: ['crl-entry-reason-critical'],
  crl_no_empty_revoked_certificates_list: ['crl-entries-empty'],
  crl_validity_period: ['crl-validity-not-positive', 'crl-profile-lifetime', 'crl-issuing-distribution-point-form'],
};

const CA_REASON = 'the Baseline Requirements leave cACompromise out of lists of subscribers: a root’s list has it here';
const CA_PERIOD =
  'the Baseline Requirements give lists of CA certificates a year: every list here has ten days at most';
const IDP_OPTIONAL = 'Boulder’s practice statement asks for it: here it is optional';
const IDP_HAS_URI = 'Boulder’s lists of CA certificates have no URI: ours say where they are, or say nothing';
const MALFORMED = 'its times are not in Zulu, so it is malformed as a whole';

/** Rows judged otherwise, each with its reason. */
export const CRL_SUITE_EXCEPTIONS: Readonly<Record<string, string>> = {
  'e_cab_crl_has_valid_reason_code crlWithReasonCode2.pem': CA_REASON,
  'crl_acceptable_reason_codes cabf_br__crl_reason_2.pem': CA_REASON,
  'crl_acceptable_reason_codes cabf_br__crl_reason_6.pem':
    'certificateHold is a public CA’s to avoid (Baseline Requirements §7.2.2); here it is a quarantine, which ends (RFC 5280 §5.3.1)',
  'e_crl_next_update_invalid crl_nextupdate_nup1_sub0_len0_eff0.pem': CA_PERIOD,
  'crl_validity_period cabf_br__crl_good_subordinate_ca.pem': CA_PERIOD,
  'e_crl_no_duplicate_extensions crl_with_duplicate_ext.pem': MALFORMED,
  'e_crl_revoked_certificate_crl_entry_has_no_duplicate_extensions crlWithDuplicatesInCRLEntryExtensions.pem':
    MALFORMED,
  'e_crl_has_authority_key_identifier crlWithMissingAuthKeyID.pem': MALFORMED,
  'e_crl_sigalgo_missing_null_params crl_ecc_sha384_nulx_effx.pem':
    'zlint looks at RSA alone here: ECDSA with NULL parameters breaks RFC 5758 §3.2',
  'crl_has_idp cpcps__crl_good_subordinate_ca.pem': IDP_HAS_URI,
  'crl_has_idp cpcps__crl_idp_distributionPoint_and_onlyCA.pem': IDP_HAS_URI,
  'crl_has_idp cpcps__crl_no_idp.pem': IDP_OPTIONAL,
  'crl_has_idp cpcps__crl_idp_https.pem': 'Boulder’s practice statement asks for http: any absolute URI will do here',
  'crl_has_idp cpcps__crl_idp_no_usercerts.pem': IDP_OPTIONAL,
};

export const PKILINT_CRL_RULES: Readonly<Record<string, readonly string[]>> = {
  'cabf.crl_prohibited_reason_code': ['crl-entry-reason-unspecified'],
  'pkix.crl_negative_validity_period': ['crl-validity-not-positive'],
  'pkix.invalid_uri_syntax': ['crl-issuing-distribution-point-form'],
};
