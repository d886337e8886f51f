/** One thing that must be in order before a change is. */
export interface CheckStep {
  readonly name: string;
  /** Program of `node_modules/.bin` or `node`, and its arguments. */
  readonly command: readonly [program: string, ...args: string[]];
  /** True: its output is for the person to watch. False: shown only when it fails. */
  readonly live?: boolean;
}

/** Every check, in the order that reports the cheapest mistakes first. `reportFile` gets vitest's JSON report. */
export function checkSteps(reportFile: string): readonly CheckStep[] {
  return [
    { name: 'types', command: ['tsc', '--noEmit'] },
    { name: 'lint', command: ['oxlint', '--type-aware', '--deny-warnings'] },
    { name: 'format', command: ['oxfmt', '--check', '.'] },
    { name: 'imports', command: ['node', 'scripts/check-imports.ts'] },
    { name: 'threats', command: ['node', 'scripts/check-threats.ts'] },
    { name: 'docs', command: ['node', 'scripts/gen-docs.ts', '--check'] },
    {
      name: 'tests',
      command: ['vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`],
      live: true,
    },
  ];
}
