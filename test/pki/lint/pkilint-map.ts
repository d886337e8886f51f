/** pkilint's findings that ask what one of our rules asks: any of the named must fire where pkilint found an error or warning. */
export const PKILINT_RULES: Readonly<Record<string, readonly string[]>> = {
  'itu.invalid_asn1_syntax': ['malformed'],
  'pkix.authority_key_identifier_extension_absent': ['authority-key-identifier-missing'],
  'pkix.ca_certificate_no_ku_extension': ['ca-key-usage-missing'],
  'pkix.certificate_name_constraints_extension_not_critical': ['name-constraints-not-critical'],
  'pkix.certificate_negative_validity_period': ['validity-not-positive'],
  'pkix.certificate_serial_number_out_of_range': ['serial-not-positive', 'serial-over-20-octets', 'malformed'],
  'pkix.certificate_signature_algorithm_mismatch': ['malformed'],
  'pkix.certificate_skid_end_entity_missing': ['leaf-subject-key-identifier-missing', 'malformed'],
  'pkix.certificate_version_is_not_v3': ['version-not-3'],
  'pkix.distribution_point_does_not_contain_name_or_issuer': ['malformed'],
  'pkix.dnsname_domain_name_too_long': ['alt-name-dns-too-long'],
  'pkix.end_entity_policy_mappings_extension_present': ['policy-mappings-in-leaf'],
  'pkix.key_usage_value_prohibited_for_ec': ['ec-key-for-encipherment', 'malformed'],
  'pkix.san_extension_is_critical_non_empty_subject': ['alt-name-critical-with-subject'],
  'pkix.san_extension_not_critical_empty_subject': ['alt-name-not-critical-without-subject'],
  'pkix.subject_email_address_not_in_san': ['email-not-in-alt-name', 'malformed'],
};

const NO_SUCH_KEY =
  'about a kind of key that no certificate here is for: profile-leaf-key and profile-ca-key refuse it';
const NO_SUCH_NAME = 'about a kind of name that no profile has';

/** pkilint's findings that have no counterpart, each with its reason. */
export const PKILINT_NOT_APPLICABLE: Readonly<Record<string, string>> = {
  'pkix.hash_mldsa_ca_key_prohibited': NO_SUCH_KEY,
  'pkix.invalid_email_address_syntax': NO_SUCH_NAME,
  'pkix.key_usage_value_prohibited_for_edwards_curve': NO_SUCH_KEY,
  'pkix.key_usage_value_prohibited_for_hash_mldsa': NO_SUCH_KEY,
  'pkix.key_usage_value_prohibited_for_mldsa': NO_SUCH_KEY,
  'pkix.key_usage_value_prohibited_for_mlkem': NO_SUCH_KEY,
  'pkix.public_key_nist_ipd_algorithm_present': NO_SUCH_KEY,
  'pkix.public_key_nist_round3_algorithm_present': NO_SUCH_KEY,
  'pkix.rfc822name_domain_part_too_long': NO_SUCH_NAME,
  'pkix.sct_list_empty': 'about an extension that no profile has',
  'pkix.smtp_utf8_mailbox_domain_part_invalid_syntax': NO_SUCH_NAME,
  'pkix.uri_domain_name_too_long': NO_SUCH_NAME,
};

/** Samples judged otherwise, each with its reason. */
export const PKILINT_FILE_EXCEPTIONS: Readonly<Record<string, string>> = {
  'mldsa_44_bad_keylength.crttest': NO_SUCH_KEY,
  'mldsa_null_param.crttest': NO_SUCH_KEY,
  'ed25519_bad_ku.crttest': 'named as its own issuer without being signed by itself: lint looks at no signature',
};
