import { CommandFailure, type ExitCode } from '#core/exit-code.ts';

/** `work`'s outcome; what it rejects with becomes one sentence for the person who ran the command, and `exitCode`. */
export async function saying<T>(exitCode: ExitCode, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    throw new CommandFailure(exitCode, error instanceof Error ? error.message : String(error));
  }
}
