import { attack, type CheckProof } from './check-proof.ts';

const IMA = 'attestation/measured-boot/ima';
const TESTS = 'test/attestation/measured-boot/ima';
const VERIFY = `${TESTS}/verify-ima.test.ts`;
const APPRAISE = `${TESTS}/appraise-ima.test.ts`;
const KEY = `${TESTS}/signature-key.test.ts`;
const SCHEMA = 'test/protocol/ima-policy.test.ts';

const row = (removes: string, file: string, check: string, without: string, test: string): CheckProof => ({
  removes,
  file: `${IMA}/${file}`,
  check,
  without,
  test,
});

/** What an IMA list has to be, and what may be in it. */
export const IMA_PROOFS: readonly CheckProof[] = [
  row(
    'that a list goes on from proven records',
    'verify-ima.ts',
    'if (firstRecord !== 0 && firstRecord !== previous?.records) return epochDenial(input);',
    '',
    attack('T48-ima-list-of-another-boot'),
  ),
  row(
    'that a list goes on within one boot',
    'verify-ima.ts',
    'previous?.resetCount === resetCount && previous.bank',
    'previous?.bank',
    attack('T48-ima-list-of-another-boot'),
  ),
  row('that a list goes on in one bank', 'verify-ima.ts', ' && previous.bank === bank', '', VERIFY),
  row(
    'the replay of PCR 10',
    'verify-ima.ts',
    'if (count === undefined) {',
    'if (count === -1) {',
    attack('T44-ima-list-tampered'),
  ),
  row(
    'that only the proven prefix counts',
    'verify-ima.ts',
    'const records = listed.slice(0, count);',
    'const records = listed;',
    attack('T47-unproven-ima-tail'),
  ),
  row(
    'that something was measured',
    'verify-ima.ts',
    "if (total === 0) return { code: 'ima-log-empty', pcr: IMA_PCR, detail: 'nothing was measured in this boot' };",
    '',
    VERIFY,
  ),
  row(
    'that the tail is covered',
    'ima-state.ts',
    'if (total < records + tail.records) return deny(`${total} records proven`);',
    '',
    VERIFY,
  ),
  row(
    'that the tail is the same',
    'ima-state.ts',
    'return now.digest === tail.digest ? undefined :',
    'return now.records >= 0 ? undefined :',
    attack('T47-unproven-ima-tail'),
  ),
  row(
    'that a list starts with a boot_aggregate',
    'boot-aggregate.ts',
    'if (isFromBoot && (first === undefined || !isBootAggregate(first))) {',
    'if (first === undefined && isFromBoot) {',
    VERIFY,
  ),
  row(
    'what a boot_aggregate aggregates',
    'boot-aggregate.ts',
    'if (wrong === undefined) return undefined;',
    'if (wrong !== null) return undefined;',
    attack('T48-ima-list-of-another-boot'),
  ),
  row(
    'that a boot_aggregate is no violation',
    'boot-aggregate.ts',
    'record.isViolation || ',
    '',
    attack('T46-ima-record-shown-as-violation'),
  ),
  row(
    'that the quote covers PCRs 0 to 9',
    'boot-aggregate.ts',
    "if (expected === undefined) return { code: 'ima-boot-aggregate', detail: 'the quote does not cover PCRs 0 to 9' };",
    'if (expected === undefined) return undefined;',
    VERIFY,
  ),
  row(
    'violations',
    'appraise-ima.ts',
    "return isAllowed ? undefined : 'ima-violation';",
    'return undefined;',
    attack('T46-ima-record-shown-as-violation'),
  ),
  row(
    'that an allowed violation is excluded',
    'appraise-ima.ts',
    ' && isExcluded(recordName(record), policy.excludes)',
    '',
    APPRAISE,
  ),
  row(
    'keys and buffers',
    'appraise-ima.ts',
    "return name.startsWith('.') ? 'ima-key-refused' : 'ima-buffer-refused';",
    'return undefined;',
    APPRAISE,
  ),
  row(
    'files',
    'appraise-ima.ts',
    "return 'ima-file-refused';",
    'return undefined;',
    attack('T45-ima-newline-in-a-name'),
  ),
  row(
    'the anchor of excluded paths',
    'appraise-ima.ts',
    'name.startsWith(prefix)',
    'name.includes(prefix)',
    attack('T45-ima-newline-in-a-name'),
  ),
  row(
    'the path of a digest',
    'appraise-ima.ts',
    'files.get(name)?.has(digest) === true',
    '[...files.values()].some((of) => of.has(digest))',
    APPRAISE,
  ),
  row('a policy’s words', 'appraise-ima.ts', 'tokens.length > 0 && tokens.every', 'tokens.every', APPRAISE),
  row('that one command line is proven', 'appraise-ima.ts', ' || commandLines.length > 1', '', APPRAISE),
  row('that a policy file is no violation', 'appraise-ima.ts', '!record.isViolation && ', '', APPRAISE),
  row(
    'that earlier evidence is of this boot',
    'appraise-ima.ts',
    'measurementPolicyKnown && ima.firstRecord > 0',
    'measurementPolicyKnown',
    APPRAISE,
  ),
  row('the measurement policy', 'appraise-ima.ts', '...policyDenial(measurement), ', '', APPRAISE),
  row('that a signature is in the record’s hash', 'file-signature.ts', ' || value.algorithm !== hash', '', APPRAISE),
  row(
    'what kind a signature is',
    'file-signature.ts',
    "if (kind !== 'verity' || value.kind !== 'verity') return undefined;",
    '',
    APPRAISE,
  ),
  row(
    'that failed signatures are counted',
    'file-signature.ts',
    'if (failures === MAX_FAILURES) return false;',
    '',
    APPRAISE,
  ),
  row(
    'an RSA signature’s encoding',
    'signature-key.ts',
    'return equalBytes(publicDecrypt({ key, padding: constants.RSA_NO_PADDING }, signature), expected);',
    'return publicDecrypt({ key, padding: constants.RSA_NO_PADDING }, signature).byteLength === expected.byteLength;',
    KEY,
  ),
  row('the length of RSA keys', 'signature-key.ts', 'if (bits < MIN_RSA_BITS) return undefined;', '', APPRAISE),
  row(
    'the ranges of r and s',
    'ecdsa-digest.ts',
    'if (r <= 0n || r >= n || s <= 0n || s >= n) return false;',
    'if (r === 0n || s === 0n || s === n || r === n) return false;',
    KEY,
  ),
  row('the equation of ECDSA', 'ecdsa-digest.ts', 'return x < p && mod(x, n) === r;', 'return x < p;', KEY),
  {
    removes: 'what may be excluded',
    file: 'protocol/ima-policy.ts',
    check: '!folder.startsWith(prefix) && !prefix.startsWith(folder)',
    without: 'folder !== prefix',
    test: SCHEMA,
  },
  {
    removes: 'that a digest has its length',
    file: 'protocol/ima-policy.ts',
    check: 'return HEX_LENGTH.get(algorithm) === hex.length;',
    without: 'return algorithm !== hex;',
    test: SCHEMA,
  },
];
