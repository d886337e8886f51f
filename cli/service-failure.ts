import { X509Certificate } from 'node:crypto';

import { CommandFailure, EXIT, type ExitCode } from '#core/exit-code.ts';
import { type FieldError, PROBLEMS, type ProblemName, problemDocument, problemName } from '#protocol/problem.ts';
import type { StepUpDemand } from '#protocol/step-up.ts';

import type { CliContext } from './context.ts';

/** A refusal by the service. The problem's name and the members it named are for the command that can say more about them. */
export class ServiceRefusal extends CommandFailure {
  readonly problem: ProblemName | undefined;
  readonly errors: readonly FieldError[];

  constructor(
    exitCode: ExitCode,
    message: string,
    next: readonly string[],
    problem: ProblemName | undefined,
    errors: readonly FieldError[],
  ) {
    super(exitCode, message, ...next);
    this.name = 'ServiceRefusal';
    this.problem = problem;
    this.errors = errors;
  }
}

/** The failure that an answer other than 2xx means to the person: in words, with the request id that leads to the service's logs. */
export function problemFailure(answer: { status: number; body: string }, context: CliContext): ServiceRefusal {
  const document = readProblem(answer.body);
  const name = document === undefined ? undefined : problemName(document.type);
  if (document === undefined || name === undefined) {
    const what = `${context.url.origin} answered ${answer.status} and not in the words of this API`;
    return new ServiceRefusal(
      EXIT.internal,
      what,
      [`Is admin.url in ${context.file} the admin listener?`],
      undefined,
      [],
    );
  }
  const reference = document.instance === undefined ? [] : [`The service's logs have it as ${document.instance}.`];
  const because = document.detail === undefined ? '' : `: ${document.detail}`;
  return new ServiceRefusal(
    exitCodeOf(name),
    `${PROBLEMS[name].title}${because}`,
    [...adviceOn(name, context), ...reference],
    name,
    document.errors ?? [],
  );
}

/** What the service wants signed before it does what was asked; undefined of any other answer. */
export function stepUpDemandOf(answer: { status: number; body: string }): StepUpDemand | undefined {
  return answer.status === PROBLEMS['step-up-required'].status ? readProblem(answer.body)?.stepUp : undefined;
}

/** The failure that a connection which gave no answer means to the person. */
export function connectionFailure(cause: Error, context: CliContext, now: Date): CommandFailure {
  const code = 'code' in cause ? String(cause.code) : '';
  const where = context.url.origin;
  if (code === 'ECONNREFUSED') {
    return new CommandFailure(
      EXIT.unavailable,
      `nothing listens at ${where}`,
      'Is `muster serve` running there?',
      `The address is admin.url in ${context.file}.`,
    );
  }
  if (UNTRUSTED.has(code)) {
    return new CommandFailure(
      EXIT.configuration,
      `the certificate of ${where} does not come from the CA in ${context.caFile}, or is not for that name (${code})`,
      'Nothing was sent. If the service has a new management CA, take its certificate from whoever runs it, by a way you trust.',
    );
  }
  // With TLS 1.3 the service looks at the client certificate after this side's handshake is done: what it refuses, it hangs up on.
  const refused = code.includes('ALERT') || code === 'EPROTO';
  const suspicion = refused || code === 'ECONNRESET' ? identityFault(context, now) : undefined;
  if (refused || suspicion !== undefined) {
    return new CommandFailure(
      EXIT.refused,
      `${where} does not accept the certificate in ${context.identityFile}${suspicion === undefined ? '' : `: ${suspicion}`}`,
      'Ask an administrator of the service for a new one.',
    );
  }
  return new CommandFailure(
    EXIT.unavailable,
    `${where} cannot be reached: ${cause.message}`,
    'Try again; nothing is left half done.',
  );
}

/** What is wrong with the administrator's certificate as far as this side can tell; undefined where nothing is. */
function identityFault({ identity, ca }: CliContext, now: Date): string | undefined {
  try {
    const certificate = new X509Certificate(identity);
    if (now > certificate.validToDate) return `it expired on ${certificate.validToDate.toISOString()}`;
    if (now < certificate.validFromDate) return `it is not valid before ${certificate.validFromDate.toISOString()}`;
    return certificate.checkIssued(new X509Certificate(ca)) ? undefined : 'it was not issued by the CA in admin.caFile';
  } catch {
    return 'it cannot be read as a PEM certificate';
  }
}

const UNTRUSTED: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_SIGNATURE_FAILURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

function exitCodeOf(name: ProblemName): ExitCode {
  switch (PROBLEMS[name].status) {
    case 400:
    case 413:
    case 415:
      return EXIT.dataRefused;
    case 401:
    case 403:
      return EXIT.refused;
    case 404:
    case 409:
    case 412:
      return EXIT.negative;
    case 429:
    case 503:
      return EXIT.unavailable;
    case 405:
    case 500:
      return EXIT.internal;
  }
}

function adviceOn(name: ProblemName, context: CliContext): readonly string[] {
  const { status } = PROBLEMS[name];
  if (status === 401) {
    const what = `the certificate in ${context.identityFile}`;
    return [`The service does not know ${what}: it may have expired, or been taken off the list of administrators.`];
  }
  if (name === 'step-up-required') {
    return [
      'Nothing was changed. It has to be signed by a security key that is registered beside your certificate.',
      '`muster admin keys add` makes one; docs/operations/administrators.md says who registers it.',
    ];
  }
  if (status === 403) return ['Your role does not include this. Ask someone whose role does.'];
  return status === 429 || status === 503 ? ['Nothing was changed. Try again in a moment.'] : [];
}

function readProblem(body: string): ReturnType<typeof problemDocument.parse> | undefined {
  try {
    return problemDocument.safeParse(JSON.parse(body)).data;
  } catch {
    return undefined;
  }
}
