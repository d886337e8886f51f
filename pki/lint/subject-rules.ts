import { administratorOf } from '../administrator-subject.ts';
import { subjectNode } from '../subject.ts';
import { ATTRIBUTE } from '../x509/oids.ts';
import type { CertificateView } from './certificate-view.ts';
import type { CertificatePurpose } from './purpose.ts';
import { broken, type Rule } from './rule.ts';

const KUBERNETES = 'Kubernetes ValidateKubeletClientCSR';

/** Values of the subject's attributes of one type. */
const subjectValues = ({ attributes }: CertificateView, type: string): readonly (string | undefined)[] =>
  attributes.filter((attribute) => attribute.of === 'subject' && attribute.type === type).map(({ text }) => text);

const KUBELET_RULES: readonly Rule<CertificateView>[] = [
  {
    name: 'kubelet-organization',
    clause: KUBERNETES,
    check: (view) => {
      const found = subjectValues(view, ATTRIBUTE.organization);
      return broken(found.length !== 1 || found[0] !== 'system:nodes', 'O is not exactly system:nodes');
    },
  },
  {
    name: 'kubelet-common-name',
    clause: KUBERNETES,
    check: (view) => {
      const [name, ...more] = subjectValues(view, ATTRIBUTE.commonName);
      const isNode = name !== undefined && name.startsWith('system:node:') && name.length > 'system:node:'.length;
      return broken(!isNode || more.length > 0, 'CN is not system:node: and a name');
    },
  },
  {
    name: 'kubelet-alternative-names',
    clause: KUBERNETES,
    check: ({ certificate }) =>
      broken(certificate.extensions.subjectAltName !== undefined, 'a kubelet client certificate has none'),
  },
  {
    name: 'kubelet-subject-bytes',
    clause: 'Muster profile',
    check: ({ certificate }) =>
      broken(subjectNode(certificate.subject) === undefined, 'not the subject that a node name makes'),
  },
];

const CA_RULES: readonly Rule<CertificateView>[] = [
  {
    name: 'ca-common-name',
    clause: 'Muster profile',
    check: (view) => {
      const names = subjectValues(view, ATTRIBUTE.commonName);
      return broken(names.length !== 1, 'a CA has exactly one CN');
    },
  },
  {
    // Any certificate below a client CA with this O is a cluster administrator's, and a CA certificate can be shown as one.
    name: 'ca-kubernetes-identity',
    clause: 'Muster profile',
    check: ({ attributes }) =>
      broken(
        attributes.some(({ of, text }) => of === 'subject' && text?.toLowerCase().startsWith('system:') === true),
        'a name that Kubernetes gives a meaning',
      ),
  },
];

const SERVER_RULES: readonly Rule<CertificateView>[] = [
  {
    name: 'server-alternative-names',
    clause: 'Muster profile',
    check: ({ certificate }) => {
      const names = certificate.extensions.subjectAltName ?? [];
      const isAllowed = names.every(
        (name) => name.kind === 'iPAddress' || (name.kind === 'dNSName' && !name.text.includes('*')),
      );
      return broken(names.length === 0 || !isAllowed, 'not DNS names without wildcard and IP addresses alone');
    },
  },
];

const ADMINISTRATOR_RULES: readonly Rule<CertificateView>[] = [
  {
    name: 'administrator-subject-bytes',
    clause: 'Muster profile',
    check: ({ certificate }) =>
      broken(administratorOf(certificate.subject) === undefined, 'not O=muster:<role>, CN=<name>'),
  },
];

/** What a purpose demands of who the certificate names. */
export const SUBJECT_RULES: Readonly<Record<CertificatePurpose, readonly Rule<CertificateView>[]>> = {
  'kubelet-client': KUBELET_RULES,
  'node-root-ca': CA_RULES,
  'node-root-cross': CA_RULES,
  'node-issuing-ca': CA_RULES,
  'management-ca': CA_RULES,
  server: SERVER_RULES,
  administrator: ADMINISTRATOR_RULES,
};
