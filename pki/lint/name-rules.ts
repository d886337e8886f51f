import { TAG } from '../x509/der-tags.ts';
import { ATTRIBUTE, EXTENSION } from '../x509/oids.ts';
import type { CertificateView, ViewAttribute } from './certificate-view.ts';
import { broken, type Rule } from './rule.ts';

/** Characters an attribute may have (RFC 5280 Appendix A.1, X.520). */
const UPPER_BOUND: ReadonlyMap<string, number> = new Map([
  [ATTRIBUTE.commonName, 64],
  [ATTRIBUTE.serialNumber, 64],
  [ATTRIBUTE.locality, 128],
  [ATTRIBUTE.state, 128],
  [ATTRIBUTE.organization, 64],
  [ATTRIBUTE.organizationalUnit, 64],
  [ATTRIBUTE.emailAddress, 255],
  ['2.5.4.4', 32_768],
  ['2.5.4.9', 128],
  ['2.5.4.12', 64],
  ['2.5.4.17', 16],
  ['2.5.4.42', 32_768],
]);

/** DirectoryString's obsolete kinds: allowed for subjects that existed before 2004 alone (RFC 5280 §4.1.2.4). */
const OBSOLETE_TAGS: ReadonlySet<number> = new Set([TAG.t61String, TAG.bmpString, TAG.universalString]);
const NOT_PRINTABLE_STRING = /[^A-Za-z0-9 '()+,\-./:=?]/;
const CONTROL = /\p{Cc}/u;

/** The issuer's and the subject's distinguished names (RFC 5280 §4.1.2.4, §4.1.2.6). */
export const NAME_RULES: readonly Rule<CertificateView>[] = [
  {
    name: 'ca-subject-empty',
    clause: 'RFC 5280 §4.1.2.6',
    check: ({ isCa, certificate }) => broken(isCa && certificate.subject.rdns.length === 0, 'a CA without a subject'),
  },
  {
    name: 'subject-empty-without-alt-name',
    clause: 'RFC 5280 §4.1.2.6',
    check: ({ certificate: { subject, extensions } }) =>
      broken(subject.rdns.length === 0 && extensions.subjectAltName === undefined, 'names nobody'),
  },
  {
    name: 'alt-name-not-critical-without-subject',
    clause: 'RFC 5280 §4.2.1.6',
    check: ({ certificate: { subject, extensions } }) => {
      const altName = extensions.all.get(EXTENSION.subjectAltName);
      return broken(subject.rdns.length === 0 && altName?.critical === false, 'subjectAltName is the only name');
    },
  },
  {
    name: 'alt-name-critical-with-subject',
    clause: 'RFC 5280 §4.2.1.6',
    check: ({ certificate: { subject, extensions } }) => {
      const altName = extensions.all.get(EXTENSION.subjectAltName);
      return broken(subject.rdns.length > 0 && altName?.critical === true, 'critical beside a subject');
    },
  },
  attributeRule('name-attribute-too-long', 'RFC 5280 Appendix A.1', ({ type, text }) => {
    const bound = UPPER_BOUND.get(type);
    return bound !== undefined && text !== undefined && Array.from(text).length > bound;
  }),
  attributeRule('country-not-two-capitals', 'RFC 5280 Appendix A.1', ({ type, tag, text }) => {
    return type === ATTRIBUTE.country && (tag !== TAG.printableString || !/^[A-Z]{2}$/.test(text ?? ''));
  }),
  attributeRule('name-not-in-its-string-type', 'X.680 §41', ({ text, tag }) => {
    return tag !== TAG.universalString && text === undefined;
  }),
  attributeRule('printable-string-alphabet', 'X.680 §41.4', ({ tag, text }) => {
    return tag === TAG.printableString && NOT_PRINTABLE_STRING.test(text ?? '');
  }),
  attributeRule('name-string-type-obsolete', 'RFC 5280 §4.1.2.4', ({ tag }) => OBSOLETE_TAGS.has(tag)),
  attributeRule('name-control-character', 'RFC 5280 Appendix A.1', ({ text }) => CONTROL.test(text ?? '')),
  attributeRule('name-edge-white-space', 'RFC 4518 §2.6.1', ({ text }) => text !== undefined && text !== text.trim()),
  attributeRule('name-attribute-empty', 'RFC 5280 Appendix A.1', ({ text }) => text === ''),
  {
    name: 'name-multi-valued',
    clause: 'Muster profile',
    check: ({ certificate: { issuer, subject } }) =>
      broken(
        [...issuer.rdns, ...subject.rdns].some((rdn) => rdn.length > 1),
        'several attributes in a relative name',
      ),
  },
  {
    name: 'email-not-in-alt-name',
    clause: 'RFC 5280 §4.1.2.6',
    check: ({ attributes, certificate }) => {
      const names = certificate.extensions.subjectAltName ?? [];
      const isListed = (email: string | undefined) =>
        names.some((name) => name.kind === 'rfc822Name' && name.text === email);
      const emails = attributes.filter(({ of, type }) => of === 'subject' && type === ATTRIBUTE.emailAddress);
      return broken(!emails.every(({ text }) => isListed(text)), 'emailAddress is not in subjectAltName');
    },
  },
];

/** Breaks on the first attribute, of issuer or subject, that `isBad`. */
function attributeRule(
  name: string,
  clause: string,
  isBad: (attribute: ViewAttribute) => boolean,
): Rule<CertificateView> {
  return {
    name,
    clause,
    check: ({ attributes }) => {
      const bad = attributes.find(isBad);
      return bad === undefined ? undefined : `${bad.of} attribute ${bad.type}`;
    },
  };
}
