import type { Terminal } from './terminal.ts';

const PATIENCE_MS = 1_000;
const TICK_MS = 120;
const FRAMES = ['|', '/', '-', '\\'];

/** Says how far the work is, for example `1,200 records`. */
export type Report = (soFar: string) => void;

/**
 * Runs `work`, and once it has taken a second says on the error stream what is going on: a moving line on a terminal, one plain line
 * elsewhere. The moving line is gone when it returns.
 */
export async function withProgress<T>(
  terminal: Terminal,
  what: string,
  work: (report: Report) => Promise<T>,
): Promise<T> {
  let soFar = '';
  let ticks = 0;
  const draw = (): void => {
    ticks += 1;
    if (terminal.errIsTerminal) terminal.err(`\r\x1b[K${FRAMES[ticks % FRAMES.length]} ${what} ${soFar}`);
    else if (ticks === 1) terminal.err(`${what} …\n`);
  };
  let interval: NodeJS.Timeout | undefined;
  const patience = setTimeout(() => {
    draw();
    interval = setInterval(draw, TICK_MS);
  }, PATIENCE_MS);
  try {
    return await work((text) => {
      soFar = text;
    });
  } finally {
    clearTimeout(patience);
    clearInterval(interval);
    if (ticks > 0 && terminal.errIsTerminal) terminal.err('\r\x1b[K');
  }
}
