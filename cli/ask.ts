import { createInterface } from 'node:readline/promises';

/** Puts a question to the person at the terminal; resolves to the line that they type, or to nothing when they end the input. */
export async function askAtTerminal(question: string): Promise<string> {
  const reading = createInterface({ input: process.stdin, output: process.stderr });
  const ended = new Promise<string>((resolve) => {
    reading.once('close', () => resolve(''));
  });
  try {
    return await Promise.race([reading.question(question), ended]);
  } finally {
    reading.close();
  }
}
