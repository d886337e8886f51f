import { Argument, Command } from 'commander';

import { bashCompletion } from '../completion/bash.ts';
import { completionTree } from '../completion/command-tree.ts';
import { fishCompletion } from '../completion/fish.ts';
import { zshCompletion } from '../completion/zsh.ts';
import type { Muster } from '../muster.ts';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

/** `muster completion SHELL`: made from the commands of `program` as they are when it runs. */
export function completionCommand(muster: Muster, program: Command): Command {
  return new Command('completion')
    .description('a completion script for your shell')
    .addArgument(new Argument('<shell>', 'which shell').choices(Object.keys(SHELLS)))
    .addHelpText(
      'after',
      '\nExamples:\n  $ source <(muster completion bash)\n  $ muster completion zsh > ~/.zfunc/_muster\n  $ muster completion fish | source',
    )
    .action((shell: keyof typeof SHELLS) => {
      muster.terminal.out(SHELLS[shell](program.name(), completionTree(program)));
    });
}
