import { type Bytes, equalBytes } from '#core/bytes.ts';
import type { PcrBank } from '#protocol/challenge.ts';
import { parseAttest } from '#tpm2/attest.ts';
import type { SignedAttest } from '#tpm2/commands/attestation.ts';
import { pcrComposite, pcrSelection } from '#tpm2/pcr.ts';
import { parseSignature } from '#tpm2/signature.ts';

import { quote, readPcrs } from './commands.ts';
import type { TpmDevice } from './device.ts';

/** PCRs of one bank to quote. */
export interface BankSelection {
  readonly hash: PcrBank;
  readonly pcrs: readonly number[];
}

/** The value of one PCR. */
export interface PcrValue {
  readonly bank: PcrBank;
  readonly pcr: number;
  readonly value: Bytes;
}

/** A quote and the PCR values it is over, in the order in which it is over them. */
export interface PcrQuote extends SignedAttest {
  readonly values: readonly PcrValue[];
}

/** PCRs that the TPM does not give: as a rule their bank is switched off. */
export class PcrUnavailableError extends Error {
  readonly bank: PcrBank;

  constructor(bank: PcrBank) {
    super(`the TPM does not give the PCRs asked for in bank ${bank}`);
    this.name = 'PcrUnavailableError';
    this.bank = bank;
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
  selections: readonly BankSelection[],
): Promise<PcrQuote> {
  const wanted = selections.map(({ hash, pcrs }) => pcrSelection(hash, pcrs));
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const values: PcrValue[] = [];
    for (const { hash, pcrs } of selections) values.push(...(await readBank(tpm, hash, pcrs)));
    const signed = await quote(tpm, ak, qualifyingData, wanted);
    if (covers(signed, values)) return { ...signed, values };
  }
  throw new PcrsUnsteadyError();
}

/** One bank's PCRs, ascending, in as many commands as the TPM's eight values a response take. */
async function readBank(tpm: TpmDevice, bank: PcrBank, pcrs: readonly number[]): Promise<readonly PcrValue[]> {
  const values = new Map<number, Bytes>();
  const missing = (): readonly number[] => pcrs.filter((pcr) => !values.has(pcr));
  while (missing().length > 0) {
    const before = values.size;
    const read = await readPcrs(tpm, [pcrSelection(bank, missing())]);
    const given = read.selections.flatMap(({ hash, pcrs: list }) => list.map((pcr) => ({ hash, pcr })));
    given.forEach(({ hash, pcr }, at) => {
      const value = read.values[at];
      if (hash === bank && value !== undefined) values.set(pcr, value);
    });
    if (values.size === before) throw new PcrUnavailableError(bank);
  }
  return pcrSelection(bank, pcrs).pcrs.flatMap((pcr) => {
    const value = values.get(pcr);
    return value === undefined ? [] : [{ bank, pcr, value }];
  });
}

function covers({ attest, signature }: SignedAttest, values: readonly PcrValue[]): boolean {
  const parsed = parseAttest(attest);
  const signed = parseSignature(signature);
  if (parsed.type !== 'quote' || signed.scheme === 'null') return false;
  return equalBytes(
    parsed.pcrDigest,
    pcrComposite(
      signed.hash,
      values.map(({ value }) => value),
    ),
  );
}
