import { attack, type CheckProof } from './check-proof.ts';

const NODE = 'services/inventory/authenticate-node.ts';
const PEER = 'services/http/node-peer.ts';
const CONTACTS = 'services/inventory/node-contacts.ts';
const T70 = attack('T70-revoked-node-still-connected');
const AUTHENTICATE_TEST = 'test/services/inventory/authenticate-node.test.ts';
const CONTACTS_TEST = 'test/services/inventory/node-contacts.test.ts';
const PAGES_TEST = 'test/services/inventory/pages-and-events.test.ts';

/** Who may say that a node is there, and what the inventory tells of it. */
export const INVENTORY_PROOFS: readonly CheckProof[] = [
  {
    removes: 'that a certificate is the one on record, and not another with its serial',
    file: NODE,
    check: 'record === undefined || record.fingerprint !== certificate.fingerprint',
    without: 'record === undefined',
    test: AUTHENTICATE_TEST,
  },
  {
    removes: 'the validity of a node’s certificate on each heartbeat',
    file: NODE,
    check: ' || now > certificate.notAfter',
    without: '',
    test: AUTHENTICATE_TEST,
  },
  {
    removes: 'that a revoked certificate is refused',
    file: NODE,
    check: "if (record.state !== 'issued') return",
    without: "if (record.state === 'signing') return",
    test: AUTHENTICATE_TEST,
  },
  {
    removes: 'that a barred node is refused by its name',
    file: NODE,
    check: "if (node?.state === 'barred') return refuse('node-barred', 'node barred', node);",
    without: '',
    test: AUTHENTICATE_TEST,
  },
  {
    removes: 'that only a joined node is heard',
    file: NODE,
    check: "if (node?.state !== 'joined') return",
    without: 'if (node === undefined) return',
    test: AUTHENTICATE_TEST,
  },
  {
    removes: 'that the handshake verified the certificate',
    file: PEER,
    check: ' || !socket.authorized',
    without: '',
    test: 'test/services/inventory/heartbeats.test.ts',
  },
  {
    removes: 'that the store’s record decides, and not the CA’s signature alone',
    file: NODE,
    check: "return refuse('authentication-required', 'certificate not issued by this service');",
    without: "return refuse('rate-limited' as never, '');",
    test: T70,
  },
  {
    removes: 'that silence alone makes no node better',
    file: CONTACTS,
    check: 'if (isWorse(connectivity, entry.contact.connectivity)) {',
    without: 'if (connectivity !== entry.contact.connectivity) {',
    test: CONTACTS_TEST,
  },
  {
    removes: 'that the service’s own absence makes no node late',
    file: CONTACTS,
    check: 'Math.max(entry.heardMs ?? 0, this.#countedFromMs)',
    without: '(entry.heardMs ?? 0)',
    test: CONTACTS_TEST,
  },
  {
    removes: 'a bound on boots that one node claims',
    file: CONTACTS,
    check: 'rebooted && entry.events.length < EVENTS_WAITING_MAX',
    without: 'rebooted',
    test: CONTACTS_TEST,
  },
  {
    removes: 'that a spreadsheet calculates nothing of an export',
    file: 'services/inventory/csv.ts',
    check: "(FORMULA.test(field) ? `'${field}` : field)",
    without: 'field',
    test: PAGES_TEST,
  },
  {
    removes: 'that a reader who takes nothing is cut off',
    file: 'services/http/answer-stream.ts',
    check: 'if (response.write(text)) return true;\n    return drained(response, gone.signal, stalledMs);',
    without:
      'response.write(text);\n    return new Promise((resolve) => setImmediate(() => resolve(!gone.signal.aborted)));',
    test: 'test/services/http/answer-stream.test.ts',
  },
];
