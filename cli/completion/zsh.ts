import { commandTable, globalOptions } from "../command-table.ts";
import { type Flag, flag, flagsOf, quoted } from "./flags.ts";

export function zshCompletion(): string {
  const described = commandTable.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`);
  const cases = commandTable.map((command) => {
    const flags = flagsOf(command).map(zshFlag);
    const argument =
      command.argument === undefined
        ? []
        : [quoted(`1:${command.argument.name}:(${command.argument.choices.join(" ")})`)];
    return `    ${command.name}) _arguments -s ${[...flags, ...argument].join(" ")} ;;`;
  });
  return `#compdef core-backup
# zsh completion for core-backup; made by: core-backup completion zsh
_core_backup_jobs() {
  local -a config jobs
  local i=\${words[(I)(-c|--config)]}
  (( i )) && config=(--config "\${words[i + 1]}")
  jobs=("\${(@f)$("$service" __complete jobs "\${config[@]}" 2>/dev/null)}")
  compadd -a jobs
}

_core_backup() {
  local -a commands
  commands=(
${described.join("\n")}
  )
  local context state line
  _arguments -C ${globalOptions.map((option) => zshFlag(flag(option))).join(" ")} '--help[print help]' '--version[print the version]' '1:command:->command' '*::argument:->argument'
  case "$state" in
    command) _describe command commands; return ;;
  esac
  case "$line[1]" in
${cases.join("\n")}
  esac
}

if [[ "$funcstack[1]" == _core_backup || "$funcstack[1]" == _core-backup ]]; then _core_backup "$@"; else compdef _core_backup core-backup; fi
`;
}

function zshFlag({ names, about, takes }: Flag): string {
  const action =
    takes === "job"
      ? ":job:_core_backup_jobs"
      : takes === "file"
        ? ":file:_files"
        : takes === "folder"
          ? ":folder:_files -/"
          : "";
  const value = typeof takes === "object" ? `:value:(${takes.join(" ")})` : takes === "word" ? ":value: " : action;
  return names.map((name) => quoted(`*${name}[${about.replaceAll(/[[\]:]/g, " ")}]${value}`)).join(" ");
}
