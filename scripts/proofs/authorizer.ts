import type { CheckProof } from './check-proof.ts';

const AUTHORIZE = 'services/kubernetes/authorize.ts';
const DECISIONS = 'test/services/kubernetes/authorize.test.ts';
const SIGNED = 'services/kubernetes/signed-statement.ts';
const STATEMENTS = 'test/services/kubernetes/signed-statement.test.ts';
const SNAPSHOT = 'services/kubernetes/snapshot.ts';
const SOURCE = 'services/kubernetes/snapshot-source.ts';
const FEED = 'test/services/kubernetes/snapshot-feed.test.ts';
const KNOWLEDGE = 'services/kubernetes/authorizer/knowledge.ts';
const WEBHOOK = 'services/kubernetes/authorizer/webhook.ts';
const RUNNING = 'test/services/kubernetes/authorizer.test.ts';

/** What the API server is told no for, and what the authorizer will not believe. */
export const AUTHORIZER_PROOFS: readonly CheckProof[] = [
  {
    removes: "a node's state, for its own credential",
    file: AUTHORIZE,
    check: '  const state = stateDenial(node);\n  if (state !== undefined) return denied(state);\n  const fingerprint',
    without: '  const fingerprint',
    test: DECISIONS,
  },
  {
    removes: 'that the certificate is on the list',
    file: AUTHORIZE,
    check: "if (allowed === undefined) return 'credential-unknown';",
    without: 'if (allowed === undefined) return undefined;',
    test: DECISIONS,
  },
  {
    removes: 'that a node shows a certificate',
    file: AUTHORIZE,
    check: "if (fingerprint === undefined) return denied('credential-missing');",
    without: "if (fingerprint === undefined) return { kind: 'no-opinion' };",
    test: DECISIONS,
  },
  {
    removes: 'that one certificate is shown',
    file: AUTHORIZE,
    check: 'if (id === undefined || rest.length > 0 ||',
    without: 'if (id === undefined ||',
    test: DECISIONS,
  },
  {
    removes: 'the end of a replaced certificate',
    file: AUTHORIZE,
    check: 'if (newer.some((certificate) => isUsed(certificate.fingerprint)))',
    without: 'if (newer.length < 0)',
    test: DECISIONS,
  },
  {
    removes: 'the order of the certificates before the newest',
    file: AUTHORIZE,
    check: '[...current, ...previous.slice(0, place)]',
    without: '[...current]',
    test: DECISIONS,
  },
  {
    removes: 'the end of the list at a certificate that has expired',
    file: SOURCE,
    check: 'older.slice(0, ended < 0 ? undefined : ended).flat()',
    without: 'older.flat()',
    test: FEED,
  },
  {
    removes: "a certificate's last second",
    file: AUTHORIZE,
    check: "now.getTime() >= allowed.notAfter.getTime() + 1_000 ? 'credential-expired' : undefined",
    without: 'undefined',
    test: DECISIONS,
  },
  {
    removes: 'certificate requests by nodes',
    file: AUTHORIZE,
    check: "if (!view.allowNodeCsr && createsCsr(review)) return denied('certificate-request');",
    without: '',
    test: DECISIONS,
  },
  {
    removes: "a snapshot's age",
    file: AUTHORIZE,
    check: "> maxAgeMs ? 'snapshot-too-old' : snapshot",
    without: '> maxAgeMs ? snapshot : snapshot',
    test: DECISIONS,
  },
  {
    removes: 'the node that a token is bound to, by UID',
    file: AUTHORIZE,
    check: 'for (const uid of uids) {',
    without: 'for (const uid of uids.slice(uids.length)) {',
    test: DECISIONS,
  },
  {
    removes: 'tokens of a node that nobody knows',
    file: AUTHORIZE,
    check: "node === undefined ? 'node-unknown' : stateDenial(node)",
    without: 'node === undefined ? undefined : stateDenial(node)',
    test: DECISIONS,
  },
  {
    removes: 'that a managed node is no exception',
    file: SNAPSHOT,
    check: 'return this.#unmanaged.has(name) && !this.#nodes.has(name);',
    without: 'return this.#unmanaged.has(name);',
    test: DECISIONS,
  },
  {
    removes: "a statement's signature",
    file: SIGNED,
    check: 'if (!verify(null, payload, requireEd25519(key), fromBase64Url(signature))) {',
    without: 'if (!verify(null, payload, requireEd25519(key), fromBase64Url(signature)) && end < 0) {',
    test: STATEMENTS,
  },
  {
    removes: 'that a snapshot does not go back',
    file: SNAPSHOT,
    check:
      "if (before !== undefined && (stated.change < before.change || stated.issuedAt < before.issuedAt)) return 'older';",
    without: '',
    test: STATEMENTS,
  },
  {
    removes: 'that a change continues what is known',
    file: SNAPSHOT,
    check: "if (stated.base !== before.change) return 'gap';",
    without: '',
    test: STATEMENTS,
  },
  {
    removes: 'that a statement says nothing twice',
    file: 'services/kubernetes/statement.ts',
    check: "if (order <= before) throw new StatementFormatError('not-in-order', index);",
    without: '',
    test: STATEMENTS,
  },
  {
    removes: 'that the one before goes with the newest',
    file: SOURCE,
    check: 'newest.length === 0 ? [] : older.slice(0,',
    without: 'older.slice(0,',
    test: FEED,
  },
  {
    removes: 'revoked certificates from the list',
    file: SOURCE,
    check: "state === 'issued' && fingerprint !== undefined ? [{ fingerprint, notAfter }] : [],",
    without: 'fingerprint !== undefined && state !== undefined ? [{ fingerprint, notAfter }] : [],',
    test: FEED,
  },
  {
    removes: 'statements from the future',
    file: KNOWLEDGE,
    check: "if (stated.issuedAt.getTime() > now().getTime() + AHEAD_MAX_MS) return 'from-the-future';",
    without: '',
    test: RUNNING,
  },
  {
    removes: "the name in the API server's certificate",
    file: WEBHOOK,
    check: 'if (certificate === undefined || nameOf(certificate) !== clientName) return false;',
    without:
      'if (certificate === undefined || nameOf(certificate) === undefined || clientName === undefined) return false;',
    test: RUNNING,
  },
  {
    removes: "the validity of the API server's certificate on each request",
    file: WEBHOOK,
    check: 'return time >= validity.from && time <= validity.to;',
    without: 'return time >= validity.from;',
    test: RUNNING,
  },
  {
    removes: 'the path of the webhook',
    file: WEBHOOK,
    check: "if (request.url?.split('?', 1)[0] !== PATH) refuse('404');",
    without: "if (request.url === undefined || PATH === undefined) refuse('404');",
    test: RUNNING,
  },
];
