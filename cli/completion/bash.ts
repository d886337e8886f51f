import type { CompletionNode, CompletionOption } from './command-tree.ts';

/** A bash completion script for `program`. It stands alone: bash-completion need not be installed. */
export function bashCompletion(program: string, tree: readonly CompletionNode[]): string {
  const paths = tree.filter((node) => node.path.length > 0).map((node) => node.path.join(' '));
  const cases = tree.map((node) => bashCase(node)).join('\n');
  return `# bash completion for ${program}. Load it with: source <(${program} completion bash)
_${program}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" path="" word words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case " ${paths.map((path) => `|${path}|`).join(' ')} " in
      *"|\${path:+$path }$word|"*) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path" in
${cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _${program} ${program}
`;
}

function bashCase(node: CompletionNode): string {
  const words = [...node.subcommands.map((child) => child.name), ...node.options.flatMap((option) => option.flags)];
  const values = node.options.filter((option) => option.value !== undefined).map(bashValue);
  return `    "${node.path.join(' ')}")
      case "$previous" in
${values.join('\n')}
      esac
      words="${words.join(' ')}" ;;`;
}

function bashValue(option: CompletionOption): string {
  const reply = Array.isArray(option.value)
    ? `COMPREPLY=($(compgen -W "${option.value.join(' ')}" -- "$current"))`
    : option.value === 'file'
      ? 'COMPREPLY=($(compgen -f -- "$current"))'
      : 'COMPREPLY=()';
  return `        ${option.flags.join('|')}) ${reply}; return ;;`;
}
