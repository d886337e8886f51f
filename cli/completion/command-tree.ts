import type { Command } from 'commander';

/** A command as a shell completes it. */
export interface CompletionNode {
  /** The words that lead to it: empty for the program itself. */
  readonly path: readonly string[];
  readonly subcommands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly CompletionOption[];
}

export interface CompletionOption {
  /** `--output`, and `-o` where there is a short form. */
  readonly flags: readonly string[];
  readonly description: string;
  /** What its value may be: one of these words, a file, anything; or none is taken. */
  readonly value: readonly string[] | 'file' | 'any' | undefined;
}

/** Every command of `program` that is not hidden, the program first. Global options stand at each. */
export function completionTree(program: Command): readonly CompletionNode[] {
  const global = optionsOf(program);
  const visit = (command: Command, path: readonly string[]): readonly CompletionNode[] => {
    const help = command.createHelp();
    const children = help.visibleCommands(command).filter((child) => child.name() !== 'help');
    const node: CompletionNode = {
      path,
      subcommands: children.map((child) => ({ name: child.name(), description: child.description() })),
      options: path.length === 0 ? global : [...optionsOf(command), ...global.filter((option) => !isHelp(option))],
    };
    return [node, ...children.flatMap((child) => visit(child, [...path, child.name()]))];
  };
  return visit(program, []);
}

function optionsOf(command: Command): readonly CompletionOption[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .map((option) => ({
      flags: [option.long, option.short].filter((flag) => typeof flag === 'string'),
      description: option.description,
      value: option.argChoices ?? (option.required || option.optional ? valueKind(option.flags) : undefined),
    }));
}

const valueKind = (flags: string): 'file' | 'any' => (/<(?:file|dir)>/.test(flags) ? 'file' : 'any');

const isHelp = (option: CompletionOption): boolean => option.flags.includes('--help');
