import { equal, ok } from 'node:assert/strict';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { fromHex, toHex } from '#core/bytes.ts';
import { FUZZ_RUNS } from '#test/lab/fuzz-runs.ts';
import { hostileBytes } from '#test/lab/mutate.ts';
import { vectorBytes, vectorJson } from '#test/lab/vectors.ts';
import { DECODERS } from '#test/tpm2/commands/replay-command.ts';
import { transcript } from '#test/tpm2/transcript.ts';
import { parseAttest, readAttestHeader } from '#tpm2/attest.ts';
import { encodeActivateCredential } from '#tpm2/commands/attestation.ts';
import { EMPTY_PASSWORD, parseResponseHeader, TpmResponseError } from '#tpm2/commands/frame.ts';
import { Tpm2FormatError } from '#tpm2/format-error.ts';
import { encodePcrSelections, readPcrSelections } from '#tpm2/pcr.ts';
import { matchEkTemplate } from '#tpm2/ek-template.ts';
import { parsePublicArea, writePublicArea } from '#tpm2/public-area.ts';
import { publicAreaSpki } from '#tpm2/public-key.ts';
import { Reader } from '#tpm2/reader.ts';
import { ecdsaP1363, parseSignature } from '#tpm2/signature.ts';

const { names: _names, ...areas } = vectorJson<Record<string, string>>('generated-swtpm/public-areas.json');
const AREAS = Object.values(areas).map(fromHex);
const QUOTES = Object.values(
  vectorJson<Record<string, { attest: string; signature: string }>>('generated-swtpm/quotes.json'),
);
const SELECTIONS = ['00000001000b03ff4300', '000000020004030700000012030740ff'].map(fromHex);

/** The result, or undefined if `parse` threw its own error; any other error is thrown on. */
function ownErrorsOnly<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof Tpm2FormatError || error instanceof TpmResponseError) return undefined;
    throw error;
  }
}

/** True if `check` held for every input tried. */
function holdsFor(seeds: readonly Uint8Array[], check: (bytes: Uint8Array) => void): boolean {
  fc.assert(fc.property(hostileBytes(seeds), check), { numRuns: FUZZ_RUNS });
  return true;
}

describe('hostile bytes', () => {
  test('as a public area throw a format error, or come back as they were', () => {
    const held = holdsFor(AREAS, (bytes) => {
      const area = ownErrorsOnly(() => parsePublicArea(bytes));
      if (area === undefined) return;
      equal(toHex(writePublicArea(area)), toHex(bytes));
      ownErrorsOnly(() => publicAreaSpki(area));
      matchEkTemplate(area);
    });
    expect(held).toBe(true);
  });

  test('as an attestation throw a format error', () => {
    const seeds = QUOTES.map(({ attest }) => fromHex(attest));
    const held = holdsFor(seeds, (bytes) => {
      ownErrorsOnly(() => readAttestHeader(bytes));
      const attest = ownErrorsOnly(() => parseAttest(bytes));
      if (attest?.type === 'quote') ok(toHex(bytes).includes(toHex(encodePcrSelections(attest.pcrSelect))));
    });
    expect(held).toBe(true);
  });

  test('as a signature throw a format error', () => {
    const seeds = [
      ...QUOTES.map(({ signature }) => fromHex(signature)),
      vectorBytes('keylime-tpm2-files/quotesig.out'),
    ];
    const held = holdsFor(seeds, (bytes) => {
      const signature = ownErrorsOnly(() => parseSignature(bytes));
      if (signature?.scheme === 'ecdsa') ownErrorsOnly(() => ecdsaP1363(signature, 'P-256'));
    });
    expect(held).toBe(true);
  });

  test('as PCR selections throw a format error, or come back as they were', () => {
    const held = holdsFor(SELECTIONS, (bytes) => {
      const reader = new Reader(bytes, 'selections');
      const selections = ownErrorsOnly(() => {
        const read = readPcrSelections(reader);
        reader.end();
        return read;
      });
      if (selections !== undefined) equal(toHex(encodePcrSelections(selections)), toHex(bytes));
    });
    expect(held).toBe(true);
  });

  test('as a response throw a format error or the TPM’s own', () => {
    const responses = transcript('tpm2-transcript').map(({ response }) => response);
    const held = holdsFor(responses, (bytes) => {
      ownErrorsOnly(() => parseResponseHeader(bytes));
      for (const decode of DECODERS) ownErrorsOnly(() => decode(bytes));
    });
    expect(held).toBe(true);
  });

  test('as a credential for TPM2_ActivateCredential throw a format error, or are sent as they are', () => {
    const held = holdsFor([fromHex('0002aabb')], (bytes) => {
      const args = { activateHandle: 1, keyHandle: 2, keyAuthorization: EMPTY_PASSWORD, credentialBlob: bytes };
      const command = ownErrorsOnly(() => encodeActivateCredential({ ...args, encryptedSecret: fromHex('0000') }));
      if (command !== undefined) equal(toHex(command.subarray(40)), `${toHex(bytes)}0000`);
    });
    expect(held).toBe(true);
  });
});
