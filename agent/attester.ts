import { type Bytes, toBase64Url, toHex } from '#core/bytes.ts';
import type { RandomSource } from '#core/random.ts';
import type { ChallengeRequestBody, ChallengeResponse } from '#protocol/challenge.ts';
import { EVENT_LOG_MAX_BYTES, IMA_LOG_MAX_BYTES, type JoinRequestBody } from '#protocol/join.ts';
import { TpmResponseError } from '#tpm2/commands/frame.ts';
import { Tpm2FormatError } from '#tpm2/format-error.ts';

import type { AgentConfig } from './config.ts';
import { readMeasuredLog } from './measured-log.ts';
import { loadAttestationKey } from './tpm/attestation-key.ts';
import { activateCredential, type LoadedKey, startEndorsementSession } from './tpm/commands.ts';
import { openTpm, type TpmDevice } from './tpm/device.ts';
import { type EndorsementKey, type EkType, openEndorsementKey } from './tpm/endorsement-key.ts';
import { type PcrQuote, quotePcrs } from './tpm/quote.ts';

type Challenge = ChallengeResponse['attester'];
export type EvidenceBody = JoinRequestBody['evidence'];

/** What became of a challenge: Evidence, or why no honest TPM could answer it. */
export type CollectedEvidence =
  | { readonly ok: true; readonly evidence: EvidenceBody }
  | { readonly ok: false; readonly reason: string };

/** What this node attests with: its TPM, or without one the key that signs its measurements. Disposing of it leaves the TPM as it was found. */
export interface Attester extends AsyncDisposable {
  /** Undefined without a TPM. */
  readonly ekType: EkType | undefined;
  /** What the challenge request says of it. */
  readonly description: ChallengeRequestBody['attester'];
  /**
   * Answers a challenge with evidence that is bound to `qualifyingData`; a TPM proves that EK and AK share it. Once only.
   * Throws as the commands do, and what reading a log throws.
   */
  collectEvidence(challenge: Challenge, qualifyingData: Bytes): Promise<CollectedEvidence>;
}

/** Opens the TPM and loads its EK and AK. Throws TpmDeviceError, NoEndorsementKeyError, and as the commands do. */
export async function openAttester(config: AgentConfig['tpm'], random: RandomSource): Promise<Attester> {
  await using undo = new AsyncDisposableStack();
  const tpm = undo.use(await openTpm(config.device));
  const ek = undo.use(await openEndorsementKey(tpm, config.ekPreference));
  const ak = undo.use(await loadAttestationKey(tpm));
  const lifetime = undo.move();
  return {
    ekType: ek.type,
    description: {
      kind: 'tpm2-quote',
      ekPublic: toBase64Url(ek.publicArea),
      ekCertificates: ek.certificates.map(toBase64Url),
      akPublic: toBase64Url(ak.publicArea),
    },
    async collectEvidence(challenge, qualifyingData) {
      if (challenge.kind !== 'tpm2-quote')
        return { ok: false, reason: `it asks for ${challenge.kind}, not for a quote` };
      const activation = await activate(tpm, { ek, ak, random }, challenge);
      // The EK's place in the TPM is free for whatever quoting takes.
      await ek[Symbol.asyncDispose]();
      if (!activation.ok) return activation;
      const { pcrSelection: selections } = challenge;
      if (!selections.some(({ pcrs }) => pcrs.length > 0))
        return { ok: false, reason: 'it asks for a quote of no PCR' };
      const quoted = await quotePcrs(tpm, ak.handle, qualifyingData, selections);
      const logs = await readLogs(config, challenge.logs);
      return { ok: true, evidence: renderEvidence(activation.secret, quoted, logs) };
    },
    [Symbol.asyncDispose]: () => lifetime.disposeAsync(),
  };
}

interface ActivationKeys {
  readonly ek: EndorsementKey;
  readonly ak: LoadedKey;
  readonly random: RandomSource;
}

/** The secret in the challenge's credential, or why this TPM does not find one there. */
async function activate(
  tpm: TpmDevice,
  { ek, ak, random }: ActivationKeys,
  challenge: Challenge & { kind: 'tpm2-quote' },
) {
  await using session = ek.needsPolicySession ? await startEndorsementSession(tpm, ek.nameAlg, random) : undefined;
  try {
    const secret = await activateCredential(tpm, { ak: ak.handle, ek: ek.handle, session }, challenge);
    if (secret.byteLength === 32) return { ok: true, secret } as const;
    return { ok: false, reason: `its credential holds ${secret.byteLength} bytes, not 32` } as const;
  } catch (error) {
    if (error instanceof Tpm2FormatError) return { ok: false, reason: 'its credential is not well formed' } as const;
    if (error instanceof TpmResponseError && isCredentialFault(error)) {
      return { ok: false, reason: `its credential was not made for this TPM’s keys (${error.code.name})` } as const;
    }
    throw error;
  }
}

/** The TPM objects to what the credential says, in one of the two parameters it came in; not to how it was asked. */
function isCredentialFault({ code }: TpmResponseError): boolean {
  return code.kind === 'format-one' && code.subject === 'parameter';
}

type Logs = Pick<Extract<EvidenceBody, { kind: 'tpm2-quote' }>, 'eventLog' | 'imaLog'>;

/** The logs asked for, as far as this machine keeps them: what is missing is the service's to judge. */
async function readLogs(config: AgentConfig['tpm'], asked: readonly string[]): Promise<Logs> {
  const read = async (name: string, file: string, maxBytes: number) =>
    asked.includes(name) ? await readMeasuredLog(file, maxBytes) : undefined;
  const eventLog = await read('event-log', config.eventLogFile, EVENT_LOG_MAX_BYTES);
  const imaLog = await read('ima', config.imaLogFile, IMA_LOG_MAX_BYTES);
  return {
    ...(eventLog === undefined ? {} : { eventLog: toBase64Url(eventLog) }),
    ...(imaLog === undefined ? {} : { imaLog: toBase64Url(imaLog) }),
  };
}

function renderEvidence(secret: Bytes, quoted: PcrQuote, logs: Logs): EvidenceBody {
  const pcrs: Partial<Record<'sha256' | 'sha384', Record<string, string>>> = {};
  for (const { bank, pcr, value } of quoted.values) {
    const values = (pcrs[bank] ??= {});
    values[String(pcr)] = toHex(value);
  }
  return {
    kind: 'tpm2-quote',
    activationSecret: toBase64Url(secret),
    quoted: toBase64Url(quoted.attest),
    signature: toBase64Url(quoted.signature),
    pcrs,
    ...logs,
  };
}
