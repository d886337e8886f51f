import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { type Bytes, fromBase64Url, fromHex, toHex } from '#core/bytes.ts';
import type { DenialCode } from '#attestation/result.ts';
import { type AttestationKey, readAttestationKey } from '#attestation/tpm2/attestation-key.ts';
import type { QuoteInput } from '#attestation/tpm2/verify-quote.ts';
import { parseAttest } from '#tpm2/attest.ts';
import { objectName } from '#tpm2/name.ts';
import { parsePublicArea, writePublicArea } from '#tpm2/public-area.ts';
import { publicAreaKey } from '#tpm2/public-key.ts';
import { Writer } from '#tpm2/writer.ts';
import { bytesOf, numberOf, readProtobuf } from '#test/lab/protobuf.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { rsaArea } from '#test/lab/tpm-keys.ts';
import {
  QUOTE_VECTORS,
  quoteInput,
  quoteVector,
  type QuoteVector,
  quoteVerdict,
  VECTOR_PCRS,
  vectorAk,
} from '#test/lab/tpm-quote-vectors.ts';
import { sharedVector, vectorBytes, vectorJson } from '#test/lab/vectors.ts';

type Outcome = DenialCode | 'accepted';

const akOf = (publicHex: string): AttestationKey => vectorAk({ akPublic: publicHex });

describe('quotes of swtpm', () => {
  test.each<[string, readonly number[], Outcome]>([
    ['ok_ecc', VECTOR_PCRS, 'accepted'],
    ['ok_rsa', VECTOR_PCRS, 'accepted'],
    ['after_reboot_same_ak', VECTOR_PCRS, 'accepted'],
    ['two_banks', [0, 1, 2, 14], 'pcr-selection-mismatch'],
    ['sha1_bank', VECTOR_PCRS, 'pcr-selection-mismatch'],
    ['empty_selection', VECTOR_PCRS, 'pcr-selection-mismatch'],
  ])('%s', (name, pcrs, expected) => {
    expect(quoteVerdict(quoteInput(quoteVector(name), pcrs))).toBe(expected);
  });

  test('an AK that is not restricted signs a forged quote well, and is refused for what it is', () => {
    const vector = quoteVector('forged_by_unrestricted_ak');
    const akPublic = fromHex(vector.akPublic);
    expect(readAttestationKey(akPublic)).toMatchObject({ code: 'ak-attributes-unsafe' });
    const area = parsePublicArea(akPublic);
    if (area.type !== 'ecc') throw new TypeError('not ECC');
    const ak: AttestationKey = {
      area,
      name: objectName(akPublic, 'sha256'),
      nameAlg: 'sha256',
      key: publicAreaKey(area),
      scheme: { kind: 'ecdsa', hash: 'sha256' },
    };
    expect(quoteVerdict(quoteInput(vector, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], ak))).toBe('accepted');
  });

  test('every entry has a verdict here', () => {
    expect(Object.keys(QUOTE_VECTORS)).toHaveLength(7);
  });

  test('a certification is not a quote', () => {
    const vector = vectorJson<QuoteVector & { qualifyingData: string }>('generated-swtpm/certify-tls-key.json');
    expect(quoteVerdict(quoteInput({ ...vector, nonce: vector.qualifyingData }))).toBe('quote-type-wrong');
  });
});

describe('a quote made by tpm2-tools', () => {
  const file = (name: string): Bytes => vectorBytes(`keylime-tpm2-files/${name}`);
  const pcrs = parsePcrFile(Buffer.from(file('quotepcr.out')));
  const quoted = file('quote.out');
  const input: QuoteInput = {
    ak: akOf(toHex(file('ak.pub').subarray(2))),
    quoted,
    signature: file('quotesig.out'),
    qualifyingData: parseAttest(quoted).extraData,
    bank: 'sha256',
    pcrs: Object.keys(pcrs).map(Number),
    claimedPcrs: { sha256: pcrs },
  };

  test('is accepted, for the Name that tpm2-tools computed', () => {
    expect(toHex(input.ak.name)).toBe(toHex(file('ak.name')));
    expect(quoteVerdict(input)).toBe('accepted');
  });

  test('is refused over other PCRs', () => {
    expect(quoteVerdict({ ...input, pcrs: [15, 22] })).toBe('pcr-selection-mismatch');
  });
});

const GCE = sharedVector('google__go-tpm-tools/attestations/gce-cos-85-nonce9009.pb');
describe.skipIf(GCE === undefined)('a quote of a Google Compute Engine vTPM', () => {
  const attestation = readProtobuf(GCE === undefined ? new Uint8Array() : readFileSync(GCE));
  const quotes = bytesOf(attestation, 2).map(readProtobuf);
  const inputFor = (alg: number): QuoteInput => {
    const entry = quotes.find((fields) => numberOf(readProtobuf(only(fields, 3)), 1) === alg) ?? [];
    const values = bytesOf(readProtobuf(only(entry, 3)), 2).map(readProtobuf);
    const pcrs = Object.fromEntries(values.map((pair) => [String(numberOf(pair, 1)), toHex(only(pair, 2))]));
    return {
      ak: akOf(toHex(only(attestation, 1))),
      quoted: only(entry, 1),
      signature: only(entry, 2),
      qualifyingData: fromHex('9009'),
      bank: alg === 0x000c ? 'sha384' : 'sha256',
      pcrs: Object.keys(pcrs).map(Number),
      claimedPcrs: { [alg === 0x000c ? 'sha384' : 'sha256']: pcrs },
    };
  };

  test.each<[string, number, Outcome]>([
    ['sha256', 0x000b, 'accepted'],
    ['sha384', 0x000c, 'accepted'],
    ['sha1', 0x0004, 'pcr-selection-mismatch'],
  ])('of bank %s', (_, alg, expected) => {
    expect(quoteVerdict(inputFor(alg))).toBe(expected);
  });

  test('is refused for any other nonce', () => {
    expect(quoteVerdict({ ...inputFor(0x000b), qualifyingData: fromHex('9008') })).toBe('nonce-mismatch');
    expect(quoteVerdict({ ...inputFor(0x000b), qualifyingData: fromHex('90090000') })).toBe('nonce-mismatch');
  });
});

const WINDOWS = sharedVector('google__go-attestation/windows_gcp_shielded_vm.json');
test.skipIf(WINDOWS === undefined)('a Windows attestation key with SHA-1 is refused', () => {
  if (WINDOWS === undefined) return;
  const dump: { AK: { Public: string } } = JSON.parse(readFileSync(WINDOWS, 'utf8'));
  expect(readAttestationKey(Buffer.from(dump.AK.Public, 'base64'))).toMatchObject({ code: 'ak-scheme-refused' });
});

const WEBAUTHN = [1, 2, 3, 4].flatMap((n): [number, string][] => {
  const path = sharedVector(`MasterKale__SimpleWebAuthn/webauthn-tpm-${n}.json`);
  return path === undefined ? [] : [[n, path]];
});
describe.skipIf(WEBAUTHN.length === 0)('certifications by hardware TPMs, for WebAuthn', () => {
  test.each(WEBAUTHN)('number %i is no quote', (_, path) => {
    const vector: { alg: number; certInfo_TPMS_ATTEST: string; sig: string; x5c: string[] } = JSON.parse(
      readFileSync(path, 'utf8'),
    );
    const { n = '' } = new X509Certificate(fromHex(vector.x5c[0] ?? '')).publicKey.export({ format: 'jwk' });
    const template = rsaArea(labTpm({ ak: 'rsassa' }).akArea);
    const isSha1 = vector.alg === -65_535;
    const input: QuoteInput = {
      ak: akOf(toHex(writePublicArea({ ...template, modulus: fromBase64Url(n) }))),
      quoted: fromHex(vector.certInfo_TPMS_ATTEST),
      signature: new Writer()
        .u16(0x0014)
        .u16(isSha1 ? 0x0004 : 0x000b)
        .sized(fromHex(vector.sig))
        .finish(),
      qualifyingData: new Uint8Array(32),
      bank: 'sha256',
      pcrs: [0],
      claimedPcrs: { sha256: { 0: '00'.repeat(32) } },
    };
    expect(quoteVerdict(input)).toBe(isSha1 ? 'quote-signature-scheme-refused' : 'quote-type-wrong');
  });
});

/** The only byte string under a field number. */
function only(fields: Parameters<typeof bytesOf>[0], field: number): Bytes {
  const [value] = bytesOf(fields, field);
  if (value === undefined) throw new RangeError(`field ${field} is absent`);
  return value;
}

/** What `tpm2_quote -o` writes: the selection, then the digests, as tpm2-tss holds them in memory (little-endian). */
function parsePcrFile(file: Buffer): Record<string, string> {
  const select = file.readUIntLE(7, 3);
  const indices = Array.from({ length: 24 }, (_, pcr) => pcr).filter((pcr) => (select & (1 << pcr)) !== 0);
  const digests = 4 + 16 * 8 + 4 + 4;
  return Object.fromEntries(
    indices.map((pcr, n) => {
      const at = digests + n * 66;
      return [String(pcr), file.toString('hex', at + 2, at + 2 + file.readUInt16LE(at))];
    }),
  );
}
