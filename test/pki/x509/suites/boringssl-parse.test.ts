import { readdirSync } from 'node:fs';

import { expect, test } from 'vitest';

import { buildSigned } from '#pki/x509/certificate-writer.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { DerReader } from '#pki/x509/der-reader.ts';
import { nullValue, oid, sequence } from '#pki/x509/der-writer.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import { readAuthorityKeyIdentifier } from '#pki/x509/key-extensions.ts';
import { readCertificatePolicies } from '#pki/x509/policy-values.ts';

import { describeSuite, pemBlock, pemBlocks, readSuite, suitePath } from './suite.ts';

const SUITE = 'boringssl-pki/parse_certificate_unittest';

const textOf = (...parts: readonly string[]): string => readSuite(SUITE, ...parts).toString('latin1');
const pemFiles = (...parts: readonly string[]): readonly string[] =>
  readdirSync(suitePath(...parts)).filter((file) => file.endsWith('.pem'));

/** `parsed`, or `refused`; an error of another kind is a crash, and fails the test. */
function outcome(parse: () => unknown): 'parsed' | 'refused' {
  try {
    parse();
    return 'parsed';
  } catch (error) {
    if (error instanceof X509FormatError) return 'refused';
    throw error;
  }
}

/** Whole certificates that parse. Weak fields among them (serial zero or negative, odd strings in names) are for path validation to refuse. */
const PARSED: ReadonlySet<string> = new Set([
  'bad_signature_algorithm_oid.pem',
  'basic_constraints_ca_no_path.pem',
  'basic_constraints_ca_path_9.pem',
  'basic_constraints_not_ca.pem',
  'basic_constraints_pathlen_255.pem',
  'basic_constraints_pathlen_256.pem',
  'basic_constraints_pathlen_not_ca.pem',
  'crldp_1uri_noissuer.pem',
  'crldp_3uri_noissuer.pem',
  'crldp_full_name_as_dirname.pem',
  'crldp_issuer_as_dirname.pem',
  'extended_key_usage.pem',
  'extension_critical.pem',
  'extension_not_critical.pem',
  'extensions_real.pem',
  'inhibit_any_policy.pem',
  'issuer_bad_printable_string.pem',
  'key_usage.pem',
  'policies.pem',
  'policy_constraints_inhibit.pem',
  'policy_constraints_inhibit_require.pem',
  'policy_constraints_require.pem',
  'serial_negative.pem',
  'serial_zero.pem',
  'serial_zero_padded.pem',
  'serial_zero_padded_21_bytes.pem',
  'subject_alt_name.pem',
  'subject_blank_subjectaltname_not_critical.pem',
  'subject_not_ascii.pem',
  'subject_not_printable_string.pem',
  'subject_t61string.pem',
  'subject_t61string_1-32.pem',
  'subject_t61string_126-160.pem',
  'subject_t61string_actual.pem',
]);

/** A certificate around a bare TBSCertificate. */
const wrap = (tbs: Buffer): Buffer =>
  buildSigned(tbs, sequence(oid('1.2.840.113549.1.1.11'), nullValue()), Buffer.alloc(256));

describeSuite(SUITE, () => {
  const withCertificate = pemFiles(SUITE).filter((file) => pemBlocks(textOf(file), 'CERTIFICATE').length > 0);
  const withTbs = pemFiles(SUITE).filter((file) => pemBlocks(textOf(file), 'TBS CERTIFICATE').length > 0);

  test('the suite is whole', () => {
    const authority = pemFiles(SUITE, 'authority_key_identifier');
    expect([withCertificate.length, withTbs.length, authority.length]).toEqual([71, 21, 13]);
  });

  test.each(withCertificate)('%s is parsed or refused as the table says', (file) => {
    const got = outcome(() => parseCertificate(pemBlock(textOf(file), 'CERTIFICATE')));
    expect(got).toBe(PARSED.has(file) ? 'parsed' : 'refused');
  });

  // The suite fills names, keys and algorithms of a bare to-be-signed part with a stub that is none, so that a whole parser takes none of them.
  test.each(withTbs)('the bare %s is refused, and nothing worse', (file) => {
    expect(outcome(() => parseCertificate(wrap(pemBlock(textOf(file), 'TBS CERTIFICATE'))))).toBe('refused');
  });

  test.each([
    ['empty_sequence.pem', 'parsed'],
    ['extra_contents_after_extension_sequence.pem', 'refused'],
    ['extra_contents_after_issuer_and_serial.pem', 'refused'],
    ['invalid_contents.pem', 'refused'],
    ['invalid_issuer.pem', 'refused'],
    ['invalid_key_identifier.pem', 'refused'],
    ['invalid_serial.pem', 'refused'],
    ['issuer_and_serial.pem', 'parsed'],
    // RFC 5280 §4.2.1.1: issuer and serial come together.
    ['issuer_only.pem', 'refused'],
    ['key_identifier.pem', 'parsed'],
    ['key_identifier_and_issuer_and_serial.pem', 'parsed'],
    ['serial_only.pem', 'refused'],
    ['url_issuer_and_serial.pem', 'parsed'],
  ])('the authority key identifier %s is %s', (file, expected) => {
    const der = pemBlock(textOf('authority_key_identifier', file), 'AUTHORITY_KEY_IDENTIFIER');
    const got = outcome(() => {
      const reader = new DerReader(der, file);
      readAuthorityKeyIdentifier(reader);
      reader.end();
    });
    expect(got).toBe(expected);
  });
});

describeSuite('boringssl-pki/certificate_policies_unittest', () => {
  const folder = 'boringssl-pki/certificate_policies_unittest';

  test.each(pemFiles(folder))('%s parses unless its name says that it is invalid', (file) => {
    const der = pemBlock(readSuite(folder, file).toString('latin1'), 'CERTIFICATE POLICIES');
    const got = outcome(() => {
      const reader = new DerReader(der, file);
      readCertificatePolicies(reader);
      reader.end();
    });
    // BoringSSL refuses a qualifier it does not know on anyPolicy; here that is for path validation, where it matters if critical.
    const isInvalid = file.startsWith('invalid-') && file !== 'invalid-anypolicy_with_custom_qualifier.pem';
    expect(got).toBe(isInvalid ? 'refused' : 'parsed');
  });
});
