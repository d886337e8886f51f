/** Tells the person what happens. Colours on a terminal only. */
export interface Narrator {
  /** A numbered part of the story, with the seconds since the beginning. */
  part(title: string): void;
  say(text: string): void;
  command(words: readonly string[]): void;
  /** What a command said, indented, at most `lines` lines of it. */
  output(text: string, lines?: number): void;
  good(text: string): void;
  /** Says what takes long while it does, and how long it took. */
  during<T>(what: string, work: () => Promise<T>): Promise<T>;
  seconds(): number;
}

const WIDTH = 100;

/** A narrator on standard output. */
export function createNarrator(colour: boolean): Narrator {
  const started = performance.now();
  const sgr = (code: number, text: string): string => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
  const print = (text: string): void => void process.stdout.write(`${text}\n`);
  const seconds = (): number => (performance.now() - started) / 1_000;
  let parts = 0;
  return {
    part: (title) => {
      parts += 1;
      print(`\n${sgr(1, `${parts}. ${title}`)} ${sgr(2, `(${seconds().toFixed(1)} s)`)}`);
    },
    say: (text) => {
      print(wrap(text));
    },
    command: (words) => {
      print(`   ${sgr(36, `$ ${words.map(quote).join(' ')}`)}`);
    },
    output: (text, lines = 40) => {
      const all = text.trimEnd().split('\n');
      for (const line of all.slice(0, lines)) print(`     ${line}`);
      if (all.length > lines) print(sgr(2, `     … ${all.length - lines} more lines`));
    },
    good: (text) => {
      print(`   ${sgr(32, '✓')} ${text}`);
    },
    during: async (what, work) => {
      process.stdout.write(`   ${what} … `);
      const begun = performance.now();
      const result = await work();
      print(sgr(2, `${((performance.now() - begun) / 1_000).toFixed(1)} s`));
      return result;
    },
    seconds,
  };
}

function wrap(text: string): string {
  const lines: string[] = [];
  let line = '  ';
  for (const word of text.split(/\s+/)) {
    if (line.length + word.length + 1 > WIDTH) {
      lines.push(line);
      line = '  ';
    }
    line += ` ${word}`;
  }
  return [...lines, line].join('\n');
}

const quote = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`);
