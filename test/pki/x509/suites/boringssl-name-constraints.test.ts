import { readdirSync } from 'node:fs';

import { expect, test } from 'vitest';

import { DerReader } from '#pki/x509/der-reader.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import type { GeneralName } from '#pki/x509/general-name.ts';
import { readAltNames } from '#pki/x509/key-extensions.ts';
import { comparisonBudget, NameConstraintState } from '#pki/x509/name-constraints.ts';
import { type NameConstraints, readNameConstraints } from '#pki/x509/name-constraints-value.ts';
import { EMPTY_NAME } from '#pki/x509/name-writer.ts';
import { parseName } from '#pki/x509/name.ts';

import { describeSuite, pemBlock, readSuite, suitePath } from './suite.ts';

const SUITE = 'boringssl-pki/name_constraints_unittest';

const textOf = (file: string): string => readSuite(SUITE, `${file}.pem`).toString('latin1');

function loadConstraints(file: string): NameConstraints {
  const reader = new DerReader(pemBlock(textOf(file), 'NAME CONSTRAINTS'), 'NameConstraints');
  const constraints = readNameConstraints(reader);
  reader.end();
  return constraints;
}

function loadAltNames(file: string): readonly GeneralName[] {
  const reader = new DerReader(pemBlock(textOf(file), 'SUBJECT ALTERNATIVE NAME'), 'GeneralNames');
  const names = readAltNames(reader);
  reader.end();
  return names;
}

/** What the constraints of `file` say of a certificate with this subject (a file of the suite) and these alternative names. */
function verdict(file: string, subject: string | undefined, names: readonly GeneralName[]): string {
  const state = new NameConstraintState(comparisonBudget());
  state.impose(loadConstraints(file));
  const name = parseName(subject === undefined ? EMPTY_NAME : pemBlock(textOf(subject), 'NAME'));
  return state.check({ subject: name, extensions: { all: new Map(), subjectAltName: names } }) ?? 'allowed';
}

const ip = (...bytes: readonly number[]): GeneralName => ({ kind: 'iPAddress', address: Uint8Array.from(bytes) });
const v6 = (...tail: readonly number[]): GeneralName =>
  ip(...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].slice(0, 16 - tail.length), ...tail);

describeSuite(SUITE, () => {
  const files = readdirSync(suitePath(SUITE)).map((file) => file.replace('.pem', ''));
  const malformed = files.filter((file) => /^invalid-|with_m(?:in|ax)|^ipaddress-invalid/.test(file));

  test.each(malformed)('%s does not parse', (file) => {
    expect(() => loadConstraints(file)).toThrow(X509FormatError);
  });

  // The suite's other names lack the EXPLICIT tag on their value (RFC 5280 §4.2.1.6).
  test.each(['othername-permitted', 'othername-excluded'])('%s does not parse', (file) => {
    expect(() => loadConstraints(file)).toThrow(X509FormatError);
  });

  test.each(['san-invalid-empty', 'san-invalid-ipaddress', 'san-othername'])('%s does not parse', (file) => {
    expect(() => loadAltNames(file)).toThrow(X509FormatError);
  });

  test.each([
    ['dnsname', 'permitted.example.com', 'allowed'],
    ['dnsname', 'permitted.example.com.', 'allowed'],
    ['dnsname', 'a.permitted.example.com', 'allowed'],
    ['dnsname', 'apermitted.example.com', 'name-not-permitted'],
    ['dnsname', 'alsopermitted.example.com', 'allowed'],
    ['dnsname', 'excluded.permitted.example.com', 'name-excluded'],
    ['dnsname', 'a.excluded.permitted.example.com', 'name-excluded'],
    ['dnsname', 'stillnotpermitted.excluded.permitted.example.com', 'name-excluded'],
    ['dnsname', 'extraneousexclusion.example.com', 'name-excluded'],
    ['dnsname', 'other.example.com', 'name-not-permitted'],
    ['dnsname', '*.permitted.example.com', 'name-constraint-unsupported'],
    ['dnsname', '*.excluded.permitted.example.com', 'name-excluded'],
    ['dnsname', '*.foo.permitted.example.com', 'allowed'],
    ['dnsname', '*.alsopermitted.example.com', 'allowed'],
    ['dnsname', '*.example2.com', 'name-constraint-unsupported'],
    ['dnsname', '*', 'name-constraint-unsupported'],
    ['dnsname', '*.*', 'name-constraint-unsupported'],
    ['dnsname', '*.', 'name-constraint-unsupported'],
    ['dnsname', '.*', 'name-constraint-unsupported'],
    ['dnsname', 'permitted.example3.com', 'allowed'],
    ['dnsname', 'a.permitted.example3.com.', 'allowed'],
    ['dnsname2', 'com', 'allowed'],
    ['dnsname2', 'baz.bar.com', 'allowed'],
    ['dnsname2', 'foo.bar.com', 'name-excluded'],
    ['dnsname2', 'baz.foo.bar.com', 'name-excluded'],
    ['dnsname2', '*.baz.bar.com', 'allowed'],
    ['dnsname2', '*.com', 'allowed'],
    ['dnsname2', '*.bar.com', 'name-constraint-unsupported'],
    ['dnsname2', '*.foo.bar.com', 'name-excluded'],
    ['dnsname-excluded', 'foo.com', 'allowed'],
    ['dnsname-excluded', 'excluded.permitted.example.com', 'name-excluded'],
    ['dnsname-excludeall', 'foo.com', 'name-excluded'],
    ['dnsname-excludeall', 'permitted.example.com', 'name-excluded'],
    // A constraint outside RFC 5280's syntax refuses every name of its form; BoringSSL reads a leading period as "below".
    ['dnsname-permitted_with_leading_dot', 'foo.bar.com', 'name-constraint-unsupported'],
    ['dnsname-excluded_with_leading_dot', 'com', 'name-constraint-unsupported'],
    ['dnsname-permitted_two_dot', 'com', 'name-constraint-unsupported'],
    ['dnsname-exclude_dot', 'permitted.example.com', 'name-constraint-unsupported'],
  ])('%s and the host %s: %s', (file, text, expected) => {
    expect(verdict(file, undefined, [{ kind: 'dNSName', text }])).toBe(expected);
  });

  test.each([
    ['directoryname', 'name-ca', 'name-not-permitted'],
    ['directoryname', 'name-us', 'allowed'],
    ['directoryname', 'name-us-arizona', 'allowed'],
    ['directoryname', 'name-us-california', 'name-excluded'],
    ['directoryname', 'name-us-california-mountain_view', 'name-excluded'],
    ['directoryname', 'name-de', 'name-excluded'],
    ['directoryname', 'name-jp', 'name-not-permitted'],
    ['directoryname', 'name-jp-tokyo', 'allowed'],
    ['directoryname-excluded', 'name-us', 'allowed'],
    ['directoryname-excluded', 'name-us-california-mountain_view', 'name-excluded'],
    ['directoryname-excludeall', 'name-us', 'name-excluded'],
    ['directoryname-excludeall', 'name-jp', 'name-excluded'],
    // A host or an address in a common name is a common name.
    ['directoryname_and_dnsname', 'name-us-arizona-foo.com', 'allowed'],
    ['directoryname_and_dnsname', 'name-us-california-permitted.example.com', 'name-excluded'],
    ['directoryname_and_dnsname_and_ipaddress', 'name-us-arizona-1.1.1.1', 'allowed'],
    ['directoryname_and_dnsname_and_ipaddress', 'name-us-california-192.168.1.1', 'name-excluded'],
    ['directoryname', 'name-us-arizona-email', 'allowed'],
    ['directoryname', 'name-us-arizona-email-invalidstring', 'allowed'],
    ['rfc822name-permitted-hostname', 'name-us-arizona-email', 'allowed'],
    ['rfc822name-permitted-hostname', 'name-us-arizona-email-multiple', 'allowed'],
    ['rfc822name-permitted', 'name-us-arizona-email', 'name-not-permitted'],
    ['rfc822name-permitted', 'name-us-arizona-email-localpartcase', 'name-constraint-unsupported'],
    ['rfc822name-permitted', 'name-us-arizona-email-multiple', 'name-not-permitted'],
    ['rfc822name-excluded', 'name-us-arizona-email', 'allowed'],
    ['rfc822name-excluded', 'name-us-arizona-email-localpartcase', 'name-constraint-unsupported'],
    ['rfc822name-excluded', 'name-us-arizona-email-multiple', 'name-excluded'],
  ])('%s and the subject %s: %s', (file, subject, expected) => {
    expect(verdict(file, subject, [])).toBe(expected);
  });

  test.each([
    ['dnsname', 'san-permitted', 'allowed'],
    ['dnsname', 'san-excluded-dnsname', 'name-excluded'],
    ['dnsname', 'san-excluded-directoryname', 'allowed'],
    ['directoryname', 'san-permitted', 'allowed'],
    ['directoryname', 'san-excluded-dnsname', 'allowed'],
    ['directoryname', 'san-excluded-directoryname', 'name-excluded'],
    ['ipaddress', 'san-permitted', 'allowed'],
    ['ipaddress', 'san-excluded-ipaddress', 'name-excluded'],
    ['ipaddress', 'san-excluded-directoryname', 'allowed'],
    ['dnsname', 'san-rfc822name-quoted', 'allowed'],
    ['x400address-permitted', 'san-x400address', 'name-constraint-unsupported'],
    ['x400address-excluded', 'san-x400address', 'name-constraint-unsupported'],
    ['edipartyname-permitted', 'san-edipartyname', 'name-constraint-unsupported'],
    ['edipartyname-excluded', 'san-edipartyname', 'name-constraint-unsupported'],
    ['registeredid-permitted', 'san-registeredid', 'name-constraint-unsupported'],
    ['registeredid-excluded', 'san-registeredid', 'name-constraint-unsupported'],
    ['uri-permitted', 'san-uri', 'name-constraint-unsupported'],
    ['uri-excluded', 'san-uri', 'name-constraint-unsupported'],
    ['rfc822name-permitted', 'san-rfc822name', 'allowed'],
    ['rfc822name-permitted', 'san-rfc822name-domaincase', 'allowed'],
    ['rfc822name-permitted', 'san-rfc822name-localpartcase', 'name-constraint-unsupported'],
    ['rfc822name-permitted', 'san-rfc822name-subdomain', 'name-not-permitted'],
    ['rfc822name-permitted', 'san-rfc822name-no-at', 'name-constraint-unsupported'],
    ['rfc822name-permitted', 'san-rfc822name-two-ats', 'name-constraint-unsupported'],
    ['rfc822name-permitted', 'san-rfc822name-quoted', 'name-constraint-unsupported'],
    ['rfc822name-permitted', 'san-rfc822name-ipv4', 'name-constraint-unsupported'],
    ['rfc822name-permitted', 'san-rfc822name-multiple', 'name-not-permitted'],
    ['rfc822name-excluded', 'san-rfc822name', 'name-excluded'],
    ['rfc822name-excluded', 'san-rfc822name-domaincase', 'name-excluded'],
    ['rfc822name-excluded', 'san-rfc822name-subdomain', 'allowed'],
    ['rfc822name-excluded', 'san-rfc822name-two-ats', 'name-constraint-unsupported'],
    ['rfc822name-permitted-hostname', 'san-rfc822name-localpartcase', 'allowed'],
    ['rfc822name-permitted-hostname', 'san-rfc822name-subdomain', 'name-not-permitted'],
    ['rfc822name-permitted-hostname', 'san-rfc822name-empty-localpart', 'name-constraint-unsupported'],
    ['rfc822name-permitted-hostname', 'san-rfc822name-multiple', 'allowed'],
    ['rfc822name-excluded-hostname', 'san-rfc822name-localpartcase', 'name-excluded'],
    ['rfc822name-excluded-hostname', 'san-rfc822name-subdomain', 'allowed'],
    ['rfc822name-permitted-hostnamewithat', 'san-rfc822name', 'name-constraint-unsupported'],
    ['rfc822name-excluded-hostnamewithat', 'san-rfc822name', 'name-constraint-unsupported'],
    ['rfc822name-permitted-subdomains', 'san-rfc822name', 'name-not-permitted'],
    ['rfc822name-permitted-subdomains', 'san-rfc822name-subdomain', 'allowed'],
    ['rfc822name-permitted-subdomains', 'san-rfc822name-subdomaincase', 'allowed'],
    ['rfc822name-excluded-subdomains', 'san-rfc822name', 'allowed'],
    ['rfc822name-excluded-subdomains', 'san-rfc822name-subdomain', 'name-excluded'],
    ['rfc822name-permitted-empty', 'san-rfc822name', 'name-constraint-unsupported'],
    ['rfc822name-excluded-empty', 'san-rfc822name', 'name-constraint-unsupported'],
    ['rfc822name-permitted-ipv4', 'san-rfc822name-ipv4', 'name-constraint-unsupported'],
    ['rfc822name-excluded-ipv4', 'san-rfc822name', 'name-constraint-unsupported'],
    ['rfc822name-permitted-quoted', 'san-rfc822name-quoted', 'name-constraint-unsupported'],
    ['rfc822name-excluded-quoted', 'san-rfc822name-subdomain', 'name-constraint-unsupported'],
  ])('%s and the alternative names %s: %s', (file, names, expected) => {
    expect(verdict(file, undefined, loadAltNames(names))).toBe(expected);
  });

  test.each([
    ['ipaddress', ip(192, 169, 0, 1), 'name-not-permitted'],
    ['ipaddress', ip(192, 168, 0, 1), 'allowed'],
    ['ipaddress', ip(192, 168, 5, 1), 'name-excluded'],
    ['ipaddress', ip(192, 168, 5, 33), 'name-excluded'],
    ['ipaddress', ip(192, 167, 5, 31), 'name-not-permitted'],
    ['ipaddress', ip(192, 167, 5, 32), 'allowed'],
    ['ipaddress', ip(192, 167, 5, 63), 'allowed'],
    ['ipaddress', ip(192, 167, 5, 64), 'name-not-permitted'],
    ['ipaddress', ip(192, 166, 5, 32), 'name-excluded'],
    ['ipaddress', v6(0, 0, 0, 1), 'allowed'],
    ['ipaddress', v6(13, 0, 0, 0, 1), 'name-not-permitted'],
    ['ipaddress', v6(5, 0, 0, 1), 'name-excluded'],
    ['ipaddress', v6(11, 5, 31, 255, 255), 'name-not-permitted'],
    ['ipaddress', v6(11, 5, 32, 0, 0), 'allowed'],
    ['ipaddress', v6(11, 5, 63, 255, 255), 'allowed'],
    ['ipaddress', v6(11, 5, 64, 0, 0), 'name-not-permitted'],
    ['ipaddress', v6(10, 5, 33, 0, 1), 'name-excluded'],
    ['ipaddress-excluded', ip(192, 168, 0, 1), 'allowed'],
    ['ipaddress-excluded', ip(192, 168, 5, 1), 'name-excluded'],
    ['ipaddress-excluded', v6(13, 0, 0, 0, 1), 'allowed'],
    ['ipaddress-excludeall', ip(192, 168, 0, 1), 'name-excluded'],
    ['ipaddress-excludeall', v6(0, 0, 0, 1), 'name-excluded'],
    ['ipaddress-permit_singlehost', ip(192, 168, 1, 3), 'allowed'],
    ['ipaddress-permit_singlehost', ip(192, 168, 1, 2), 'name-not-permitted'],
    ['ipaddress-permit_prefix31', ip(192, 168, 1, 2), 'allowed'],
    ['ipaddress-permit_prefix31', ip(192, 168, 1, 4), 'name-not-permitted'],
    ['ipaddress-permit_prefix1', ip(0x80, 0, 0, 0), 'allowed'],
    ['ipaddress-permit_prefix1', ip(0x7f, 255, 255, 255), 'name-not-permitted'],
    ['ipaddress-permit_all', ip(255, 255, 255, 255), 'allowed'],
    ['ipaddress-mapped_addrs', ip(192, 168, 1, 0), 'allowed'],
    ['ipaddress-mapped_addrs', ip(192, 168, 1, 1), 'name-excluded'],
    ['ipaddress-mapped_addrs', ip(192, 168, 2, 0), 'name-not-permitted'],
    // An IPv4-mapped address can be read either way; BoringSSL compares it as IPv6.
    [
      'ipaddress-mapped_addrs',
      ip(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 168, 2, 0),
      'name-constraint-unsupported',
    ],
  ])('%s and the address %o: %s', (file, name, expected) => {
    expect(verdict(file, undefined, [name])).toBe(expected);
  });
});
