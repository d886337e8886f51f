import { CommandFailure, EXIT } from '#core/exit-code.ts';

import { ServiceRefusal } from './service-failure.ts';

/** The answer, or a failure that says in the person's words what is not there. */
export async function orNotFound<T>(answer: Promise<T>, what: string, ...next: readonly string[]): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof ServiceRefusal) || error.problem !== 'not-found') throw error;
    throw new CommandFailure(EXIT.negative, what, ...next);
  }
}
