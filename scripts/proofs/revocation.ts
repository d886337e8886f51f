import { attack, type CheckProof } from './check-proof.ts';

const OPERATIONS = 'services/store/node-life-operations.ts';
const MEMORY = 'test/fakes/memory-store.test.ts';
const PUBLISHER = 'services/revocation/crl-publisher.ts';
const PUBLISHER_TEST = 'test/services/revocation/crl-publisher.test.ts';
const OCSP_STATUS_TEST = 'test/services/revocation/ocsp-status.test.ts';
const CHANGE_NODES = 'services/admin/change-nodes.ts';
const CHANGE_NODES_TEST = 'test/services/admin/change-nodes.test.ts';

/** What makes a revocation hold, and reach those who ask. */
export const REVOCATION_PROOFS: readonly CheckProof[] = [
  {
    removes: 'the states that a change starts from',
    file: 'core/node-life.ts',
    check: "if (!allowsChange(state, change) || state === 'retired') return undefined;",
    without: "if (state === 'retired') return undefined;",
    test: 'test/core/node-life.test.ts',
  },
  {
    removes: 'that nobody is changed where one cannot be',
    file: OPERATIONS,
    check: 'if (refused.length > 0) return { ok: false, refused };',
    without: '',
    test: MEMORY,
  },
  {
    removes: 'that what was revoked for good is not given back',
    file: OPERATIONS,
    check: ".filter(({ reason }) => reason === 'certificateHold')",
    without: '.filter(({ reason }) => reason !== null)',
    test: MEMORY,
  },
  {
    removes: 'that CRL numbers rise',
    file: 'services/store/revocation-queries.ts',
    check: ".then(eb('crls.number', '+', 1))",
    without: ".then(eb.ref('crls.number'))",
    test: MEMORY,
  },
  {
    removes: 'that an entry stays until a list past its expiry had it',
    file: 'services/store/crl-lists.ts',
    check: "eb('crls.published_at', '<=', eb.ref('revocations.not_after')),",
    without: '',
    test: MEMORY,
  },
  {
    removes: 'that orphans are on the list',
    file: 'services/store/certificate-operations.ts',
    check: 'await revocations.putOrphan(tx, { serial, revoked_at: event.at.toISOString(), change });',
    without: 'void change;',
    test: MEMORY,
  },
  {
    removes: 'the look for newer revocations',
    file: PUBLISHER,
    check: 'if (!isDue && served !== undefined && served.through >= (await store.newestRevocationChange())) return;',
    without: 'if (!isDue && served !== undefined) return;',
    test: PUBLISHER_TEST,
  },
  {
    removes: 'that a list in doubt is built from the store again',
    file: PUBLISHER,
    check: 'await stopMaking();\n      throw error;',
    without: 'throw error;',
    test: PUBLISHER_TEST,
  },
  {
    removes: 'that an intent without a certificate replaces none',
    file: 'services/kubernetes/snapshot-source.ts',
    check: "fingerprint !== undefined && ['issued', 'revoked'].includes(standing),",
    without: "(fingerprint ?? '') !== '-' && ['issued', 'revoked'].includes(standing),",
    test: 'test/services/revocation/effects.test.ts',
  },
  {
    removes: 'what OCSP says of a revoked certificate',
    file: 'services/revocation/ocsp-answers.ts',
    check: "if (listed !== undefined && listed.reason !== 'removeFromCRL') {",
    without: "if (listed !== undefined && listed.reason === 'removeFromCRL') {",
    test: OCSP_STATUS_TEST,
  },
  {
    removes: 'the bound on OCSP answers under way',
    file: 'services/revocation/ocsp-answers.ts',
    check: 'if (underWay >= UNDER_WAY_MAX) return OCSP_TRY_LATER;',
    without: '',
    test: 'test/services/revocation/ocsp-answers.test.ts',
  },
  {
    removes: 'the number that was expected of a selector',
    file: CHANGE_NODES,
    check: 'if (expect !== undefined && expect !== nodes.length) {',
    without: 'if (expect === 0) {',
    test: CHANGE_NODES_TEST,
  },
  {
    removes: 'that a dry run changes nothing',
    file: CHANGE_NODES,
    check: 'if (dryRun) return { ok: true, nodes, changed: undefined };',
    without: '',
    test: CHANGE_NODES_TEST,
  },
  {
    removes: 'the certificate’s state, at a heartbeat',
    file: 'services/inventory/authenticate-node.ts',
    check:
      "if (record.state !== 'issued') return refuse('authentication-required', `certificate ${record.state}`, node);",
    without: '',
    test: attack('T63-revoked-certificate-still-used'),
  },
];
