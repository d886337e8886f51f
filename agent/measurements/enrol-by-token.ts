import { open, unlink } from 'node:fs/promises';

import { toBase64Url, utf8 } from '#core/bytes.ts';
import { sha256Hex } from '#core/digest.ts';
import { JOIN_TOKEN } from '#protocol/join-token.ts';

import type { AtomicFileDeps } from '../atomic-file.ts';
import type { JoinService } from '../client.ts';
import type { AgentConfig, MeasurementsConfig } from '../config.ts';
import type { JoinedNode, JoinOutcome } from '../join-cluster.ts';
import { type PatienceDeps, startPatience } from '../retry.ts';
import { loadSigningKey } from './key-file.ts';
import { MeasurementError } from './measurement-error.ts';
import { signJws } from './sign-jws.ts';

export interface EnrolByTokenDeps extends PatienceDeps, AtomicFileDeps {
  readonly service: Pick<JoinService, 'enrolKey'>;
}

/** Why the key is not enrolled. */
export type NotEnrolled = Exclude<JoinOutcome, JoinedNode>;

/**
 * Enrols this machine's key with the token in the configured file, and removes the file. Does nothing where there is no such file. Undefined when
 * there is nothing in the way of a join: a process killed before the file is gone does the same again, and the service answers it the same.
 */
export async function enrolByToken(
  config: AgentConfig,
  { tokenFile, keyFile }: MeasurementsConfig,
  deps: EnrolByTokenDeps,
): Promise<NotEnrolled | undefined> {
  const token = tokenFile === undefined ? undefined : await readToken(tokenFile);
  if (tokenFile === undefined || token === undefined) return undefined;
  const key = await loadSigningKey(keyFile, deps);
  const proof = signJws(key, { aud: config.audience, token: sha256Hex(utf8(token)) });
  const body = { token, publicKey: toBase64Url(key.spki), proof };
  const patience = startPatience(deps, config.wait.totalSeconds);
  deps.progress('Enrolling this machine’s key with its join token.');
  for (;;) {
    const answer = await deps.service.enrolKey(body);
    if (answer.status === 'ok') {
      const isRemoved = await removeToken(tokenFile);
      const what = isRemoved ? 'is removed' : 'cannot be removed, and is used up';
      deps.progress(`The key is enrolled for ${answer.value.nodeName}; ${tokenFile} ${what}.`);
      return undefined;
    }
    if (answer.status === 'unusable') return { status: 'answer-unusable', reason: answer.reason };
    if (answer.status === 'problem' && answer.retry !== 'same-request') {
      return { status: 'refused', problem: answer.problem, requestId: answer.requestId };
    }
    const [reason, seconds] =
      answer.status === 'problem'
        ? [`the service says ${answer.problem ?? `HTTP ${answer.httpStatus}`}`, answer.retryAfterSeconds]
        : [answer.reason, 0];
    if (!(await patience.pause(reason, seconds))) {
      return answer.status === 'unreachable'
        ? { status: 'unreachable', reason }
        : { status: 'not-yet', reason, retryAfterSeconds: seconds };
    }
  }
}

/** False for a file that others keep, such as a credential that systemd passed: its token enrols this key and no other from now on. */
async function removeToken(file: string): Promise<boolean> {
  try {
    await unlink(file);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'EROFS' || error.code === 'EACCES')) return false;
    throw error;
  }
}

const MAX_TOKEN_BYTES = 256;

async function readToken(file: string): Promise<string | undefined> {
  try {
    await using handle = await open(file, 'r');
    const { mode, size } = await handle.stat();
    if ((mode & 0o077) !== 0) {
      throw new MeasurementError(
        `${file} is open to others, who may have used the token`,
        'revoke it and make another, in a file of mode 0600',
      );
    }
    const text = size > MAX_TOKEN_BYTES ? '' : (await handle.readFile('utf8')).trim();
    if (JOIN_TOKEN.test(text)) return text;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  throw new MeasurementError(`${file} does not hold a join token`, 'write what `muster tokens create` printed into it');
}
