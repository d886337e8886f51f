import type { CompletionNode, CompletionOption } from './command-tree.ts';

/** A zsh completion script for `program`: a file named `_<program>` on fpath, or sourced after compinit. */
export function zshCompletion(program: string, tree: readonly CompletionNode[]): string {
  return `#compdef ${program}
# zsh completion for ${program}. Load it with: source <(${program} completion zsh)
${tree.map((node) => zshFunction(program, node)).join('\n')}
if [ "\${funcstack[1]}" = "_${program}" ]; then _${program} "$@"; else compdef _${program} ${program}; fi
`;
}

const functionName = (program: string, path: readonly string[]): string =>
  `_${[program, ...path].join('_').replaceAll('-', '_')}`;

function zshFunction(program: string, node: CompletionNode): string {
  const options = node.options.flatMap(zshOption).map((spec) => `    ${spec}`);
  const name = functionName(program, node.path);
  if (node.subcommands.length === 0)
    return `${name}() {\n  _arguments -s \\\n${[...options, "    '*:file:_files'"].join(' \\\n')}\n}`;
  const commands = node.subcommands.map((child) => `    ${quote(`${child.name}:${child.description}`)}`).join('\n');
  const cases = node.subcommands.map(
    (child) => `      ${child.name}) ${functionName(program, [...node.path, child.name])} ;;`,
  );
  return `${name}() {
  local line state
  local -a commands=(
${commands}
  )
  _arguments -C -s \\
${options.join(' \\\n')} \\
    '1:command:->command' '*::argument:->argument'
  case "$state" in
    command) _describe 'command' commands ;;
    argument)
      case "$line[1]" in
${cases.join('\n')}
      esac ;;
  esac
}`;
}

function zshOption(option: CompletionOption): readonly string[] {
  const description = option.description.replace(/[[\]:]/g, ' ');
  const action = Array.isArray(option.value)
    ? `:value:(${option.value.join(' ')})`
    : option.value === 'file'
      ? ':file:_files'
      : ':value: ';
  return option.flags.map((flag) => quote(`${flag}[${description}]${option.value === undefined ? '' : action}`));
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
