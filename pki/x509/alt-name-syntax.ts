import type { GeneralName } from './general-name.ts';

const DNS_NAME =
  /^(?:\*\.)?[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;
const MAILBOX = /^[^\s@]+@[A-Za-z0-9.-]+$/;
const ABSOLUTE_URI = /^[A-Za-z][A-Za-z0-9+.-]*:[!-~]+$/;

/**
 * True when `name` has the syntax that RFC 5280 §4.2.1.6 asks of an alternative name: a dNSName in preferred name syntax (a wildcard as its
 * first label is let pass), an rfc822Name that is a mailbox, an absolute URI, a directoryName that is not empty.
 */
export function hasAltNameSyntax(name: GeneralName): boolean {
  switch (name.kind) {
    case 'dNSName':
      return name.text.length <= 253 && DNS_NAME.test(name.text);
    case 'rfc822Name':
      return MAILBOX.test(name.text);
    case 'uniformResourceIdentifier':
      return ABSOLUTE_URI.test(name.text);
    case 'directoryName':
      return name.name.rdns.length > 0;
    case 'iPAddress':
    case 'otherName':
    case 'x400Address':
    case 'ediPartyName':
    case 'registeredID':
      return true;
  }
}
