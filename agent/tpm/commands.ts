import type { Bytes } from '#core/bytes.ts';
import type { HashName } from '#core/digest.ts';
import type { RandomSource } from '#core/random.ts';
import {
  decodeActivateCredential,
  decodeQuote,
  encodeActivateCredential,
  encodeQuote,
  type SignedAttest,
} from '#tpm2/commands/attestation.ts';
import {
  type CapabilityData,
  type CAPABILITY,
  decodeGetCapability,
  encodeGetCapability,
} from '#tpm2/commands/capability.ts';
import { EMPTY_PASSWORD, policyAuthorization } from '#tpm2/commands/frame.ts';
import {
  decodeCreatePrimary,
  decodeFlushContext,
  decodeReadPublic,
  encodeCreatePrimary,
  encodeFlushContext,
  encodeReadPublic,
} from '#tpm2/commands/object.ts';
import { decodePcrRead, encodePcrRead, type PcrReadResult } from '#tpm2/commands/pcr.ts';
import {
  decodePolicySecret,
  decodeStartAuthSession,
  encodePolicySecret,
  encodeStartAuthSession,
} from '#tpm2/commands/session.ts';
import { RH } from '#tpm2/constants.ts';
import type { PcrSelection } from '#tpm2/pcr.ts';

import type { TpmDevice } from './device.ts';
import { TpmDeviceError } from './device-error.ts';

/*
 * One function for each thing the agent has a TPM do. Each throws TpmDeviceError when the TPM cannot be spoken to, TpmResponseError when
 * it refuses, and Tpm2FormatError when what it says is not well formed.
 */

/** Something loaded in the TPM that takes one of its few places until it is disposed of. */
export interface Loaded extends AsyncDisposable {
  readonly handle: number;
}

export interface LoadedKey extends Loaded {
  /** TPMT_PUBLIC, as the TPM wrote it. */
  readonly publicArea: Bytes;
}

/** TPM2_CreatePrimary of `template` (TPMT_PUBLIC) under a hierarchy with an empty password. */
export async function createPrimary(tpm: TpmDevice, hierarchy: number, template: Bytes): Promise<LoadedKey> {
  const { handle, publicArea } = decodeCreatePrimary(await tpm.transmit(encodeCreatePrimary(hierarchy, template)));
  return { publicArea, ...loaded(tpm, handle) };
}

/** What TPM2_ReadPublic says of a loaded or persistent object. */
export async function readPublic(
  tpm: TpmDevice,
  handle: number,
): Promise<{ readonly publicArea: Bytes; readonly name: Bytes; readonly qualifiedName: Bytes }> {
  return decodeReadPublic(await tpm.transmit(encodeReadPublic(handle)));
}

/** A policy session that PolicySecret of the endorsement hierarchy has been run in: what the low range's EKs ask for. */
export async function startEndorsementSession(tpm: TpmDevice, hash: HashName, random: RandomSource): Promise<Loaded> {
  const start = encodeStartAuthSession({ type: 'policy', nonceCaller: random(16), hash });
  const session = loaded(tpm, decodeStartAuthSession(await tpm.transmit(start)).handle);
  try {
    decodePolicySecret(await tpm.transmit(encodePolicySecret(RH.endorsement, session.handle)));
    return session;
  } catch (error) {
    await session[Symbol.asyncDispose]();
    throw error;
  }
}

/** The secret that TPM2_ActivateCredential finds in the credential. The EK is authorised by `session`, or by the empty password. */
export async function activateCredential(
  tpm: TpmDevice,
  keys: { readonly ak: number; readonly ek: number; readonly session: Loaded | undefined },
  credential: { readonly credentialBlob: Bytes; readonly encryptedSecret: Bytes },
): Promise<Bytes> {
  const command = encodeActivateCredential({
    activateHandle: keys.ak,
    keyHandle: keys.ek,
    keyAuthorization: keys.session === undefined ? EMPTY_PASSWORD : policyAuthorization(keys.session.handle),
    ...credential,
  });
  return decodeActivateCredential(await tpm.transmit(command));
}

/** TPM2_Quote by the AK's own scheme. */
export async function quote(
  tpm: TpmDevice,
  ak: number,
  qualifyingData: Bytes,
  selections: readonly PcrSelection[],
): Promise<SignedAttest> {
  return decodeQuote(await tpm.transmit(encodeQuote({ signHandle: ak, qualifyingData, selections })));
}

/** TPM2_PCR_Read: at most eight values, of the PCRs the response names. */
export async function readPcrs(tpm: TpmDevice, selections: readonly PcrSelection[]): Promise<PcrReadResult> {
  return decodePcrRead(await tpm.transmit(encodePcrRead(selections)));
}

/** Everything TPM2_GetCapability has of one kind from `property` on, in as many calls as that takes; at most `count` items a call. */
export async function* readCapability(
  tpm: TpmDevice,
  capability: keyof typeof CAPABILITY,
  property: number,
  count: number,
): AsyncGenerator<CapabilityData, undefined> {
  let next: number | undefined = property;
  while (next !== undefined) {
    const response = await tpm.transmit(encodeGetCapability({ capability, property: next, count }));
    const { moreData, data } = decodeGetCapability(response);
    yield data;
    next = moreData ? following(data) : undefined;
  }
}

/** The handles in use from `first` on, below `end`. */
export async function readHandles(tpm: TpmDevice, first: number, end: number): Promise<readonly number[]> {
  const handles: number[] = [];
  for await (const data of readCapability(tpm, 'handles', first, 128)) {
    if (data.kind !== 'handles') break;
    handles.push(...data.values);
    if (data.values.some((handle) => handle >= end)) break;
  }
  return handles.filter((handle) => handle < end);
}

/** One TPM_PT value, or undefined if the TPM does not have it. */
export async function readProperty(tpm: TpmDevice, property: number): Promise<number | undefined> {
  for await (const data of readCapability(tpm, 'properties', property, 1)) {
    return data.kind === 'properties' ? data.properties.get(property) : undefined;
  }
  return undefined;
}

/** Where the next call continues: after the last item, as long as there is one and it is a number. */
function following(data: CapabilityData): number | undefined {
  const last =
    data.kind === 'handles' || data.kind === 'commands' || data.kind === 'curves' ? data.values.at(-1) : undefined;
  return last === undefined ? undefined : last + 1;
}

function loaded(tpm: TpmDevice, handle: number): Loaded {
  let flushed = false;
  return {
    handle,
    async [Symbol.asyncDispose]() {
      if (flushed) return;
      flushed = true;
      try {
        decodeFlushContext(await tpm.transmit(encodeFlushContext(handle)));
      } catch (error) {
        // Nothing can be flushed over a lost connection, and that loss is what the caller must hear of, not this one.
        if (!(error instanceof TpmDeviceError)) throw error;
      }
    },
  };
}
