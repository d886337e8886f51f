import type { CompletionNode, CompletionOption } from './command-tree.ts';

/** A fish completion script for `program`. */
export function fishCompletion(program: string, tree: readonly CompletionNode[]): string {
  const paths = tree.filter((node) => node.path.length > 0).map((node) => quote(node.path.join(' ')));
  const lines = tree.flatMap((node) => [
    ...node.subcommands.map(
      (child) =>
        `complete -c ${program} -f -n ${at(program, node)} -a ${quote(child.name)} -d ${quote(child.description)}`,
    ),
    ...node.options.map((option) => `complete -c ${program} -n ${at(program, node)} ${fishOption(option)}`),
  ]);
  return `# fish completion for ${program}. Load it with: ${program} completion fish | source
function __${program}_at
    set -l path
    for word in (commandline -opc)[2..-1]
        set -l longer (string trim -- "$path $word")
        if contains -- $longer ${paths.join(' ')}
            set path $longer
        end
    end
    test "$path" = "$argv[1]"
end
${lines.join('\n')}
`;
}

const at = (program: string, node: CompletionNode): string => `"__${program}_at '${node.path.join(' ')}'"`;

function fishOption(option: CompletionOption): string {
  const flags = option.flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const value = Array.isArray(option.value)
    ? [`-x -a ${quote(option.value.join(' '))}`]
    : option.value === 'file'
      ? ['-r -F']
      : option.value === 'any'
        ? ['-x']
        : [];
  return [...flags, ...value, `-d ${quote(option.description)}`].join(' ');
}

const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
