import type { CertificateView } from './certificate-view.ts';
import { broken, type Rule } from './rule.ts';

const LABEL_MAX = 63;
const NAME_MAX = 253;

/** Subject alternative names (RFC 5280 §4.2.1.6; DNS names in the preferred syntax of RFC 1034 §3.5, one `*` label in front allowed). */
export const ALT_NAME_RULES: readonly Rule<CertificateView>[] = [
  dnsRule('alt-name-dns-too-long', (name) => name.length > NAME_MAX),
  dnsRule('alt-name-dns-label-empty', (name) => name.split('.').includes('')),
  dnsRule('alt-name-dns-label-too-long', (name) => name.split('.').some((label) => label.length > LABEL_MAX)),
  dnsRule('alt-name-dns-character', (name) => /[^A-Za-z0-9.*-]/.test(name)),
  dnsRule('alt-name-dns-hyphen', (name) => /(?:^|\.)-|-(?:\.|$)/.test(name)),
  dnsRule('alt-name-dns-wildcard', (name) => name === '*' || name.slice(1).includes('*') || /^\*[^.]/.test(name)),
  {
    name: 'alt-name-empty',
    clause: 'RFC 5280 §4.2.1.6',
    check: ({ certificate }) =>
      broken(
        (certificate.extensions.subjectAltName ?? []).some((name) => 'text' in name && name.text.length === 0),
        'an empty name',
      ),
  },
  {
    name: 'alt-name-duplicate',
    clause: 'Muster profile',
    check: ({ certificate }) => {
      const names = certificate.extensions.subjectAltName ?? [];
      const keys = names.flatMap((name) => ('text' in name ? [`${name.kind}:${name.text.toLowerCase()}`] : []));
      return broken(new Set(keys).size !== keys.length, 'a name twice');
    },
  },
];

/** Breaks on the first dNSName that `isBad`. The name itself is not repeated: it may be long, and is in the certificate. */
function dnsRule(name: string, isBad: (name: string) => boolean): Rule<CertificateView> {
  return {
    name,
    clause: 'RFC 5280 §4.2.1.6',
    check: ({ certificate }) => {
      const names = certificate.extensions.subjectAltName ?? [];
      const at = names.findIndex((entry) => entry.kind === 'dNSName' && isBad(entry.text));
      return broken(at !== -1, `subjectAltName entry ${at}`);
    },
  };
}
