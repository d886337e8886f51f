import { EXIT, CommandFailure, type ExitCode } from '#core/exit-code.ts';
import { unreachable } from '#core/never.ts';
import type { ProblemName } from '#protocol/problem.ts';
import { TpmResponseError } from '#tpm2/commands/frame.ts';
import { Tpm2FormatError } from '#tpm2/format-error.ts';

import { ConfigError } from './config.ts';
import type { JoinedNode, JoinOutcome } from './join-cluster.ts';
import { JoinLockedError, JoinLockError } from './join-lock.ts';
import { LogTooLongError } from './measured-log.ts';
import { MeasurementError } from './measurements/measurement-error.ts';
import { ClockOffError } from './service-time.ts';
import { TpmDeviceError } from './tpm/device-error.ts';
import { NoEndorsementKeyError } from './tpm/endorsement-key.ts';
import { PcrsUnsteadyError, PcrUnavailableError } from './tpm/quote.ts';

/** The failure that a join without a certificate is: its exit code, and one sentence on what is wrong and what to do. */
export function outcomeFailure(outcome: Exclude<JoinOutcome, JoinedNode>): CommandFailure {
  switch (outcome.status) {
    case 'refused':
      return new CommandFailure(EXIT.refused, refusal(outcome.problem, outcome.requestId));
    case 'not-yet':
      return failure(
        EXIT.tryLater,
        `the node was not admitted in the time allowed because ${outcome.reason}: run the same command again later`,
      );
    case 'unreachable':
      return failure(
        EXIT.unavailable,
        `the join service does not answer, ${outcome.reason}: check the network and the service, then run \`muster-agent doctor\``,
      );
    case 'answer-unusable':
      return failure(
        EXIT.internal,
        `the join service's answer was not used because ${outcome.reason}: tell whoever runs the service`,
      );
    default:
      return unreachable(outcome);
  }
}

/** The failure that `error` is for the person at the machine. What is not foreseen here is a bug, and said to be one. */
export function explainError(error: unknown): CommandFailure {
  if (error instanceof CommandFailure) return error;
  if (error instanceof ConfigError)
    return failure(EXIT.configuration, `the configuration cannot be used, ${error.message}: correct the file`);
  if (error instanceof TpmDeviceError)
    return failure(EXIT.unavailable, `${error.message}: ${DEVICE_ADVICE[error.fault]}`);
  if (error instanceof NoEndorsementKeyError) {
    return failure(
      EXIT.unavailable,
      `${error.message}: see which it has with \`muster-agent doctor\` and set tpm.ekPreference`,
    );
  }
  if (error instanceof PcrUnavailableError) {
    return failure(
      EXIT.unavailable,
      `${error.message}: switch that PCR bank on in the firmware settings, or have the pool's policy ask for another`,
    );
  }
  if (error instanceof PcrsUnsteadyError) {
    return failure(
      EXIT.tryLater,
      `${error.message}: run the same command again when the machine has finished starting`,
    );
  }
  if (error instanceof MeasurementError) return failure(EXIT.unavailable, `${error.message}: ${error.advice}`);
  if (error instanceof ClockOffError)
    return failure(EXIT.tryLater, `${error.message}: synchronise it (NTP), then run the same command again`);
  if (error instanceof LogTooLongError)
    return failure(EXIT.unavailable, `${error.message}: restart the machine to begin a new log`);
  if (error instanceof TpmResponseError)
    return failure(EXIT.unavailable, `the TPM refused a command, ${error.message}: ${responseAdvice(error)}`);
  if (error instanceof Tpm2FormatError) {
    return failure(
      EXIT.unavailable,
      `the TPM said something that is not TPM 2.0, ${error.message}: check that tpm.device is a TPM 2.0`,
    );
  }
  if (error instanceof JoinLockedError)
    return failure(EXIT.tryLater, `${error.message}: run the same command again when it has ended`);
  if (error instanceof JoinLockError)
    return failure(EXIT.unavailable, `${error.message}: check credentialDirectory and its disk`);
  return (
    fileFailure(error) ??
    failure(EXIT.internal, `the agent failed unexpectedly, ${String(error)}: this is a bug, please report it`)
  );
}

const DEVICE_ADVICE: Readonly<Record<TpmDeviceError['fault'], string>> = {
  'address-invalid': 'correct tpm.device in the configuration',
  'not-found': 'switch the TPM on in the firmware settings, or name the right device in tpm.device',
  'not-permitted': 'run the agent as root, or as a member of the group that owns the device',
  busy: 'stop that program (`fuser -v` on the device names it), or name the resource manager /dev/tpmrm0 in tpm.device',
  unreachable: 'check that its driver or emulator is running',
  timeout:
    'see whether another program holds it (`fuser -v` on the device), restart the machine, and replace the TPM if it happens again',
  closed: 'check that its driver or emulator is running',
  'bad-response': 'check that tpm.device is a TPM 2.0',
};

function responseAdvice({ code }: TpmResponseError): string {
  switch (code.name) {
    case 'OBJECT_MEMORY':
    case 'SESSION_MEMORY':
    case 'SESSION_HANDLES':
    case 'OBJECT_HANDLES':
      return 'other programs fill its memory, so name the resource manager /dev/tpmrm0 in tpm.device';
    case 'LOCKOUT':
      return 'it is locked after wrong passwords, so wait or have its owner clear the lockout';
    case 'BAD_AUTH':
    case 'AUTH_FAIL':
      return 'its endorsement hierarchy has a password, which its owner must remove';
    case 'INITIALIZE':
      return 'the firmware has not started it, so restart the machine and look at its firmware settings';
    case 'HIERARCHY':
    case 'DISABLED':
      return 'its endorsement hierarchy is switched off, so switch it on in the firmware settings';
    default:
      return 'restart the machine, and look the code up in the TPM maker’s documentation if it happens again';
  }
}

const FILE_ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: 'free some space on that disk',
  EDQUOT: 'free some space on that disk',
  EROFS: 'that file system is mounted read-only, so name another place in the configuration',
  EACCES: 'run the agent as a user who may write there',
  EPERM: 'run the agent as a user who may write there',
};

function fileFailure(error: unknown): CommandFailure | undefined {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return undefined;
  const advice = FILE_ADVICE[String(error.code)] ?? 'check the path in the configuration';
  return failure(EXIT.unavailable, `a file could not be read or written, ${error.message}: ${advice}`);
}

function refusal(problem: ProblemName | undefined, requestId: string | undefined): string {
  const [why, what] = (problem === undefined ? undefined : REFUSALS[problem]) ?? OTHER_REFUSAL;
  const name = problem === undefined ? '' : ` (${problem})`;
  const lookUp = requestId === undefined ? '' : `, who finds the reason with \`muster joins show ${requestId}\``;
  return sentence(`the service refused this node${name}, ${why}: ${what}${lookUp}`);
}

const OTHER_REFUSAL = [
  'because it and this agent do not agree on the protocol',
  'compare their versions with the service’s administrator',
] as const;

const REFUSALS: Readonly<Partial<Record<ProblemName, readonly [why: string, what: string]>>> = {
  'evidence-rejected': [
    'which is not enrolled with this TPM and name, or did not boot what the policy demands',
    'ask an administrator',
  ],
  'origin-refused': ['which asks from an address outside its pool’s segments', 'ask an administrator'],
  'token-refused': [
    'because its join token is wrong, used, revoked or expired',
    'ask an administrator for another (`muster tokens create`)',
  ],
  'node-barred': ['which is barred', 'ask an administrator'],
  'csr-rejected': ['because its certificate request was not accepted', 'compare versions with an administrator'],
};

function failure(code: ExitCode, text: string): CommandFailure {
  return new CommandFailure(code, sentence(text));
}

/** One sentence: a capital first, a full stop last, on one line. */
function sentence(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return `${line.charAt(0).toUpperCase()}${line.slice(1)}${line.endsWith('.') ? '' : '.'}`;
}
