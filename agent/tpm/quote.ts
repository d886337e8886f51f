import { type Bytes, equalBytes } from '#core/bytes.ts';
import { parseAttest } from '#tpm2/attest.ts';
import type { SignedAttest } from '#tpm2/commands/attestation.ts';
import { pcrComposite, type PcrSelection } from '#tpm2/pcr.ts';
import { parseSignature } from '#tpm2/signature.ts';

import { quote, readPcrs } from './commands.ts';
import type { TpmDevice } from './device.ts';

/** A quote and the PCR values it is over, in the order of the selections. */
export interface PcrQuote extends SignedAttest {
  readonly values: readonly { readonly selection: PcrSelection; readonly values: readonly Bytes[] }[];
}

/** A selection that the TPM cannot read: as a rule its bank is switched off. */
export class PcrUnavailableError extends Error {
  readonly selection: PcrSelection;

  constructor(selection: PcrSelection) {
    super(`the TPM does not give PCRs of the bank ${selection.hash}`);
    this.name = 'PcrUnavailableError';
    this.selection = selection;
  }
}

/** PCRs went on changing between reading and quoting. */
export class PcrsUnsteadyError extends Error {
  constructor() {
    super('the PCRs kept changing while they were quoted');
    this.name = 'PcrsUnsteadyError';
  }
}

const ATTEMPTS = 8;

/**
 * A quote over `selections` with `qualifyingData`, and exactly the values it covers: an extend between the reading and the quoting makes
 * it begin again, up to eight times. Throws PcrUnavailableError, PcrsUnsteadyError, and as the commands do.
 */
export async function quotePcrs(
  tpm: TpmDevice,
  ak: number,
  qualifyingData: Bytes,
  selections: readonly PcrSelection[],
): Promise<PcrQuote> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const values: PcrQuote['values'][number][] = [];
    for (const selection of selections) values.push({ selection, values: await readSelection(tpm, selection) });
    const signed = await quote(tpm, ak, qualifyingData, selections);
    if (
      covers(
        signed,
        values.flatMap((entry) => entry.values),
      )
    )
      return { ...signed, values };
  }
  throw new PcrsUnsteadyError();
}

/** The values of one bank's PCRs, ascending, in as many commands as the TPM's eight values a response take. */
async function readSelection(tpm: TpmDevice, selection: PcrSelection): Promise<readonly Bytes[]> {
  const values = new Map<number, Bytes>();
  for (let missing = selection.pcrs; missing.length > 0; missing = selection.pcrs.filter((pcr) => !values.has(pcr))) {
    const before = values.size;
    const read = await readPcrs(tpm, [{ ...selection, pcrs: missing }]);
    const pcrs = read.selections.filter(({ hash }) => hash === selection.hash).flatMap((entry) => entry.pcrs);
    if (read.selections.some(({ hash, pcrs: others }) => hash !== selection.hash && others.length > 0)) {
      throw new PcrUnavailableError(selection);
    }
    read.values.forEach((value, at) => {
      const pcr = pcrs[at];
      if (pcr !== undefined && missing.includes(pcr)) values.set(pcr, value);
    });
    if (values.size === before) throw new PcrUnavailableError(selection);
  }
  return selection.pcrs.map((pcr) => values.get(pcr)).filter((value) => value !== undefined);
}

function covers({ attest, signature }: SignedAttest, values: readonly Bytes[]): boolean {
  const parsed = parseAttest(attest);
  const signed = parseSignature(signature);
  if (parsed.type !== 'quote' || signed.scheme === 'null') return false;
  return equalBytes(parsed.pcrDigest, pcrComposite(signed.hash, values));
}
