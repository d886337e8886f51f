import { attack, type CheckProof } from './check-proof.ts';

const T42 = attack('T42-malformed-structures');
const T26 = attack('T26-signature-form');

/** What the codecs and the schemas refuse. */
export const CODEC_PROOFS: readonly CheckProof[] = [
  {
    removes: 'the bound of the input',
    file: 'tpm2/reader.ts',
    check: "if (length > this.remaining) throw this.fail('truncated');",
    without: '',
    test: T42,
  },
  {
    removes: 'the limit of a count',
    file: 'tpm2/reader.ts',
    check: "if (count > max) throw this.fail('count-out-of-range');",
    without: '',
    test: 'test/tpm2/pcr.test.ts',
  },
  {
    removes: 'trailing bytes',
    file: 'tpm2/reader.ts',
    check: "if (this.remaining !== 0) throw this.fail('trailing-bytes');",
    without: '',
    test: T42,
  },
  {
    removes: 'trailing bytes after a quote',
    file: 'tpm2/reader.ts',
    check: "if (this.remaining !== 0) throw this.fail('trailing-bytes');",
    without: '',
    test: T26,
  },
  {
    removes: 'the range of r and s',
    file: 'tpm2/signature.ts',
    check: 'if (value === 0n || value >= order)',
    without: 'if (value < 0n)',
    test: T26,
  },
  {
    removes: 'SHA-1 from the list of banks',
    file: 'protocol/challenge.ts',
    check: "z.enum(['sha256', 'sha384'])",
    without: "z.enum(['sha256', 'sha384', 'sha1'])",
    test: attack('T53-downgrade'),
  },
  {
    removes: 'unknown members of a challenge request',
    file: 'protocol/challenge.ts',
    check: 'export const challengeRequestSchema = z.strictObject({',
    without: 'export const challengeRequestSchema = z.object({',
    test: attack('T56-rating-claimed-by-the-node'),
  },
  {
    removes: 'the characters of a node name',
    file: 'core/ids.ts',
    check: 'text.length <= NODE_NAME_MAX && DNS_SUBDOMAIN.test(text);',
    without: 'text.length <= NODE_NAME_MAX;',
    test: attack('T54-log-injection-in-node-name'),
  },
];
