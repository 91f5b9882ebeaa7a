import { commandTable, globalOptions } from "../command-table.ts";
import { type Flag, flag, quoted } from "./flags.ts";

export function fishCompletion(): string {
  const none = "__fish_use_subcommand";
  const lines = commandTable.map(
    ({ name, summary }) => `complete -c core-backup -n ${none} -a ${name} -d ${quoted(summary)}`,
  );
  const flags = commandTable.flatMap((command) =>
    command.options.map((option) => fishFlag(flag(option), `-n '__fish_seen_subcommand_from ${command.name}'`)),
  );
  const choices = commandTable.flatMap(({ name, argument }) =>
    argument === undefined
      ? []
      : [`complete -c core-backup -n '__fish_seen_subcommand_from ${name}' -a ${quoted(argument.choices.join(" "))}`],
  );
  return `# fish completion for core-backup; made by: core-backup completion fish
function __core_backup_jobs
    set -l words (commandline -opc)
    set -l config
    for i in (seq (count $words))
        if contains -- $words[$i] -c --config
            set config --config $words[(math $i + 1)]
        end
    end
    $words[1] __complete jobs $config 2>/dev/null
end

complete -c core-backup -f
${[...lines, ...globalOptions.map((option) => fishFlag(flag(option), "")), ...flags, ...choices].join("\n")}
complete -c core-backup -s h -l help -d 'print help'
complete -c core-backup -n ${none} -l version -d 'print the version'
`;
}

function fishFlag({ names, about, takes }: Flag, condition: string): string {
  const words = names.map((name) => (name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  const value =
    takes === undefined
      ? ""
      : takes === "job"
        ? "-x -a '(__core_backup_jobs)'"
        : takes === "file"
          ? "-r -F"
          : takes === "folder"
            ? "-x -a '(__fish_complete_directories)'"
            : typeof takes === "object"
              ? `-x -a ${quoted(takes.join(" "))}`
              : "-x";
  return ["complete -c core-backup", condition, ...words, value, `-d ${quoted(about)}`]
    .filter((part) => part !== "")
    .join(" ");
}
