import { describe, expect, test } from 'vitest';

import { connectionFault } from '#agent/connection-fault.ts';
import { RequestTimeoutError } from '#agent/connection.ts';
import { ConfigError } from '#agent/config.ts';
import { explainError, outcomeFailure } from '#agent/explain.ts';
import { LogTooLongError } from '#agent/measured-log.ts';
import { TpmDeviceError, type TpmDeviceFault } from '#agent/tpm/device-error.ts';
import { NoEndorsementKeyError } from '#agent/tpm/endorsement-key.ts';
import { PcrsUnsteadyError, PcrUnavailableError } from '#agent/tpm/quote.ts';
import { CommandFailure } from '#core/exit-code.ts';
import { TpmResponseError } from '#tpm2/commands/frame.ts';
import { responseCode } from '#tpm2/commands/response-code.ts';
import { Tpm2FormatError } from '#tpm2/format-error.ts';
import { PROBLEMS, type ProblemName } from '#protocol/problem.ts';

/** One line: what is wrong, a colon, what to do. */
const SENTENCE = /^[A-Z][^\n]+: [^\n]+[^.]\.$/;

const FAULTS: readonly TpmDeviceFault[] = [
  'address-invalid',
  'not-found',
  'not-permitted',
  'unreachable',
  'timeout',
  'closed',
  'bad-response',
];
const fileError = (code: string) => Object.assign(new Error(`${code}: x, open '/y'`), { code, syscall: 'open' });
const tpmError = (rc: number) => new TpmResponseError('TPM2_X', responseCode(rc));

describe('a failure', () => {
  test.each<[string, unknown, number]>([
    ['of the configuration', new ConfigError('/etc/x', ['one', 'two']), 78],
    ...FAULTS.map((fault): [string, unknown, number] => [
      `of the TPM (${fault})`,
      new TpmDeviceError(fault, 'it failed'),
      69,
    ]),
    ...[0x100, 0x101, 0x902, 0x921, 0x9a2, 0x185].map((rc): [string, unknown, number] => [
      `of a TPM command (0x${rc.toString(16)})`,
      tpmError(rc),
      69,
    ]),
    ['to find an EK', new NoEndorsementKeyError('there is none'), 69],
    ['to read a PCR bank', new PcrUnavailableError('sha384'), 69],
    ['to find the PCRs at rest', new PcrsUnsteadyError(), 75],
    ['to send a long log', new LogTooLongError('/x', 10), 69],
    ['to understand the TPM', new Tpm2FormatError('truncated', 3, 'TPMS_ATTEST'), 69],
    ['to write for want of space', fileError('ENOSPC'), 69],
    ['to write for want of permission', fileError('EACCES'), 69],
    ['to write for another reason', fileError('ENOTDIR'), 69],
    ['that nobody foresaw', new TypeError('x is not\na function'), 70],
    ['that is no error at all', 'oops', 70],
  ])('%s is one sentence, and its exit code is the right one', (_what, error, code) => {
    const { exitCode, message } = explainError(error);
    expect(message).toMatch(SENTENCE);
    expect(exitCode).toBe(code);
  });

  test('that is explained already stays as it is', () => {
    const failure = new CommandFailure(75, 'Later.');
    expect(explainError(failure)).toBe(failure);
  });

  test.each(Object.keys(PROBLEMS))('to be admitted (%s) is one sentence that names it and the request', (name) => {
    const failure = outcomeFailure({ status: 'refused', problem: name as ProblemName, requestId: 'the-request' });
    expect(failure.message).toMatch(SENTENCE);
    expect(failure.message).toContain(name);
    expect(failure.message).toContain('muster joins show the-request');
    expect(failure.exitCode).toBe(77);
  });

  test.each([
    ['not-yet', 75],
    ['unreachable', 69],
    ['answer-unusable', 70],
  ] as const)('to join (%s) is one sentence with the reason', (status, code) => {
    const failure = outcomeFailure({ status, reason: 'the reason is this', retryAfterSeconds: 0 });
    expect(failure.message).toMatch(SENTENCE);
    expect(failure.message).toContain('the reason is this');
    expect(failure.exitCode).toBe(code);
  });
});

describe('a connection that fails', () => {
  const coded = (code: string) => Object.assign(new Error(code), { code });

  test.each([
    ['ENOTFOUND', 'name'],
    ['EAI_AGAIN', 'name'],
    ['ECONNREFUSED', 'connect'],
    ['EHOSTUNREACH', 'connect'],
    ['ETIMEDOUT', 'connect'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'tls'],
    ['CERT_HAS_EXPIRED', 'tls'],
    ['CERT_NOT_YET_VALID', 'tls'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls'],
    ['ERR_SSL_SOMETHING_NEWER', 'tls'],
    ['CERT_UNTRUSTED', 'tls'],
    ['ECONNRESET', 'answer'],
    ['SOMETHING_ELSE', 'answer'],
  ])('with %s failed at the stage "%s"', (code, stage) => {
    expect(connectionFault(coded(code)).stage).toBe(stage);
    expect(connectionFault(new AggregateError([coded(code), coded('EPROTO')])).stage).toBe(stage);
  });

  test('because nothing came in time failed while waiting for the answer', () => {
    expect(connectionFault(new RequestTimeoutError(5)).stage).toBe('answer');
    expect(connectionFault('odd').stage).toBe('answer');
  });

  test('says that the clock may be to blame where it may', () => {
    expect(connectionFault(coded('CERT_NOT_YET_VALID')).reason).toContain('clock');
    expect(connectionFault(coded('CERT_HAS_EXPIRED')).reason).toContain('clock');
  });
});
