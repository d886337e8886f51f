import { fromHex, toHex } from '#core/bytes.ts';
import { FalseAcceptError, type FuzzTarget, ownErrors, taken } from '#test/fuzz/engine/fuzz-target.ts';
import { vectorBytes, vectorJson } from '#test/lab/vectors.ts';
import { DECODERS } from '#test/tpm2/commands/replay-command.ts';
import { transcript } from '#test/tpm2/transcript.ts';
import { parseAttest, readAttestHeader } from '#tpm2/attest.ts';
import { parseResponseHeader, TpmResponseError } from '#tpm2/commands/frame.ts';
import { matchEkTemplate } from '#tpm2/ek-template.ts';
import { Tpm2FormatError } from '#tpm2/format-error.ts';
import { encodePcrSelections, readPcrSelections } from '#tpm2/pcr.ts';
import { parsePublicArea, writePublicArea } from '#tpm2/public-area.ts';
import { publicAreaSpki } from '#tpm2/public-key.ts';
import { Reader } from '#tpm2/reader.ts';
import { ecdsaP1363, parseSignature } from '#tpm2/signature.ts';

const { names: _names, ...areas } = vectorJson<Record<string, string>>('generated-swtpm/public-areas.json');
const QUOTES = Object.values(
  vectorJson<Record<string, { attest: string; signature: string }>>('generated-swtpm/quotes.json'),
);

const binary = {
  shape: 'binary',
  maxBytes: 1_024,
  isOwnError: ownErrors(Tpm2FormatError, TpmResponseError),
} as const satisfies Partial<FuzzTarget>;

/** Throws where bytes that were read are written in another way. */
function mustRoundTrip(written: Uint8Array, read: Uint8Array): void {
  if (toHex(written) !== toHex(read)) throw new FalseAcceptError('two spellings of one structure are taken');
}

/** TPM 2.0 structures, as they come from a node or from a TPM. */
export const TPM2_TARGETS: readonly FuzzTarget[] = [
  {
    ...binary,
    name: 'TPMT_PUBLIC',
    seeds: [...Object.values(areas).map(fromHex), vectorBytes('keylime-tpm2-files/ak.pub').subarray(2)],
    read: taken((input) => {
      const area = parsePublicArea(input);
      mustRoundTrip(writePublicArea(area), input);
      matchEkTemplate(area);
      publicAreaSpki(area);
    }),
  },
  {
    ...binary,
    name: 'TPMS_ATTEST',
    seeds: QUOTES.map(({ attest }) => fromHex(attest)),
    read: taken((input) => {
      readAttestHeader(input);
      parseAttest(input);
    }),
  },
  {
    ...binary,
    name: 'TPMT_SIGNATURE',
    seeds: [...QUOTES.map(({ signature }) => fromHex(signature)), vectorBytes('keylime-tpm2-files/quotesig.out')],
    read: taken((input) => {
      const signature = parseSignature(input);
      if (signature.scheme === 'ecdsa') ecdsaP1363(signature, 'P-256');
    }),
  },
  {
    ...binary,
    name: 'TPML_PCR_SELECTION',
    seeds: ['00000001000b03ff4300', '000000020004030700000012030740ff'].map(fromHex),
    read: taken((input) => {
      const reader = new Reader(input, 'selections');
      const selections = readPcrSelections(reader);
      reader.end();
      mustRoundTrip(encodePcrSelections(selections), input);
    }),
  },
  {
    ...binary,
    name: 'TPM response',
    maxBytes: 4_096,
    seeds: transcript('tpm2-transcript').map(({ response }) => response),
    read: (input) => {
      parseResponseHeader(input);
      // Each decoder on its own: what one refuses another may read.
      return DECODERS.map((decode) => isRead(() => decode(input))).some((wasRead) => wasRead);
    },
  },
];

function isRead(decode: () => unknown): boolean {
  try {
    decode();
    return true;
  } catch (error) {
    if (!binary.isOwnError(error)) throw error;
    return false;
  }
}
