import { attack, type CheckProof } from './check-proof.ts';

const FOLLOW = 'agent/follow-roots.ts';
const FOLLOW_TEST = 'test/agent/follow-roots.test.ts';
const T76 = attack('T76-foreign-node-root');
const ACTIVATE = 'services/commands/ca/activate.ts';
const COMMAND_TEST = 'test/services/commands/ca/rotation.test.ts';

/** How one CA follows another. */
export const CA_LIFE_PROOFS: readonly CheckProof[] = [
  {
    removes: 'that a new node root is signed by a known one',
    file: FOLLOW,
    check: 'isVouchedFor(root, { offered, vouching, now })',
    without: '(vouching.length > 0 || isVouchedFor(root, { offered, vouching, now }))',
    test: T76,
  },
  {
    removes: 'that a cross-certificate is for the key of the root it vouches for',
    file: FOLLOW,
    check: 'equalBytes(cross.publicKey.raw, root.publicKey.raw) &&',
    without: '',
    test: T76,
  },
  {
    removes: 'that what vouches for a root leads to a known one',
    file: FOLLOW,
    check: 'purpose: ANY_PURPOSE, policy: STRICT_CHAIN }).ok;',
    without: 'purpose: ANY_PURPOSE, policy: STRICT_CHAIN }) !== undefined;',
    test: FOLLOW_TEST,
  },
  {
    removes: 'that OCSP answers for a CA speak of its own certificates',
    file: 'services/revocation/ocsp-answers.ts',
    check: ' || isOfAnother(certificate.der, authority)',
    without: '',
    test: 'test/services/revocation/ocsp-status.test.ts',
  },
  {
    removes: 'that a cross-certificate joins two keys',
    file: 'pki/lint/purpose-rules.ts',
    check: "'node-root-cross': [...rulesOf('node-root-cross'), ...CROSS_RULES],",
    without: "'node-root-cross': rulesOf('node-root-cross'),",
    test: 'test/pki/cross-certificate.test.ts',
  },
  {
    removes: 'that a request for a CA was signed by its own key',
    file: 'pki/ca-request.ts',
    check: 'if (!verdict.ok) throw',
    without: 'if (!verdict.ok && der.byteLength === 0) throw',
    test: 'test/pki/cross-certificate.test.ts',
  },
  {
    removes: 'that agents were told of a CA before it signs',
    file: ACTIVATE,
    check: "if (target.role === 'next' && !atOnce) {",
    without: "if (target.role === 'next' && atOnce && hours < 0) {",
    test: COMMAND_TEST,
  },
  {
    removes: 'that a CA outlives the certificates that it will sign',
    file: ACTIVATE,
    check: 'if (lastUse(certificate) <= now) {',
    without: 'if (certificate.notAfter <= now) {',
    test: COMMAND_TEST,
  },
  {
    removes: 'that a root which nobody known has signed is not added',
    file: 'services/commands/ca/trust.ts',
    check: 'if (unsigned !== undefined) {',
    without: 'if (unsigned !== undefined && roots.length === 0) {',
    test: COMMAND_TEST,
  },
];
