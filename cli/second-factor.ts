import { X509Certificate } from 'node:crypto';

import { toBase64Url, utf8 } from '#core/bytes.ts';
import { sha256, sha256Hex } from '#core/digest.ts';
import { CommandFailure, EXIT } from '#core/exit-code.ts';
import {
  type StepUpAssertion,
  stepUpBodyDigest,
  stepUpChallenge,
  stepUpClientData,
  type StepUpDemand,
} from '#protocol/step-up.ts';

import type { CliContext } from './context.ts';
import type { Terminal } from './terminal.ts';

/** A request as it was sent. */
export interface SentAct {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

/** Resolves to the value of the header that answers the demand, for this act and no other. Throws CommandFailure when nobody signs. */
export type SecondFactor = (demand: StepUpDemand, act: SentAct) => Promise<string>;

/**
 * Has the person's security key sign the act. The challenge is computed from what this side asked for: a service that asks for a signature to
 * something else gets one that is worth nothing.
 */
export function secondFactor(
  { securityKey, err }: Pick<Terminal, 'securityKey' | 'err'>,
  context: CliContext,
): SecondFactor {
  return async ({ ticket, nonce, expiresAt, relyingParty, credentials }, { method, path, body }) => {
    if (securityKey === undefined) {
      throw new CommandFailure(
        EXIT.refused,
        'this needs a touch of your security key, and nobody is there to be asked',
        'Nothing was changed. Run it at a terminal, without --no-input.',
      );
    }
    const challenge = stepUpChallenge({
      method,
      path,
      // What was sent, without what JSON leaves out.
      bodyDigest: stepUpBodyDigest(body === undefined ? undefined : JSON.parse(JSON.stringify(body))),
      administrator: sha256Hex(new X509Certificate(context.identity).raw),
      nonce,
      expiresAt,
    });
    const clientData = utf8(stepUpClientData(challenge, relyingParty));
    err(`This needs a second factor: ${method} ${path}. Touch your security key when it blinks.\n`);
    const signed = await securityKey.assert({ clientDataHash: sha256(clientData), relyingParty, credentials });
    const assertion: StepUpAssertion = {
      ticket,
      credential: signed.credential,
      authenticatorData: toBase64Url(signed.authenticatorData),
      clientData: toBase64Url(clientData),
      signature: toBase64Url(signed.signature),
    };
    return toBase64Url(utf8(JSON.stringify(assertion)));
  };
}
