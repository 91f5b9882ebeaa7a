import { commandTable, globalOptions } from "../command-table.ts";
import { type Flag, flag, flagsOf, uniqueFlags } from "./flags.ts";

export function bashCompletion(): string {
  const cases = commandTable.map(
    (command) =>
      `      ${command.name}) words="${[...flagsOf(command).flatMap(({ names }) => names), ...(command.argument?.choices ?? [])].join(" ")}" ;;`,
  );
  const valued = uniqueFlags().filter(({ takes }) => takes !== undefined);
  const values = valued.map(({ names, takes }) => `    ${names.join("|")}) ${bashValue(takes)}; return ;;`);
  return `# bash completion for core-backup; made by: core-backup completion bash
_core_backup_jobs() {
  local i config=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${COMP_WORDS[i]}" in -c|--config) config=(--config "\${COMP_WORDS[i + 1]}") ;; esac
  done
  "\${COMP_WORDS[0]}" __complete jobs "\${config[@]}" 2>/dev/null
}

_core_backup() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD - 1]}" command="" words="" i
  COMPREPLY=()
  case "$previous" in
${values.join("\n")}
  esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${COMP_WORDS[i]}" in
${commandTable.map(({ name }) => `      ${name}) command=${name}; break ;;`).join("\n")}
    esac
  done
  if [[ -z "$command" ]]; then
    words="${[...commandTable.map(({ name }) => name), ...globalOptions.flatMap((option) => flag(option).names), "--help", "--version"].join(" ")}"
  else
    case "$command" in
${cases.join("\n")}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _core_backup core-backup
`;
}

function bashValue(takes: Flag["takes"]): string {
  const lines = (words: string) => `local IFS=$'\\n'; COMPREPLY=($(compgen ${words} -- "$current"))`;
  if (takes === "job") return lines('-W "$(_core_backup_jobs)"');
  if (takes === "file") return lines("-f");
  if (takes === "folder") return lines("-d");
  return typeof takes === "object" ? `COMPREPLY=($(compgen -W "${takes.join(" ")}" -- "$current"))` : ":";
}
