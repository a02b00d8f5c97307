// Completion for fish: one line a fact.

import { flagsOf, verbsWith, wordsOf, type CommandSpec, type FlagSpec } from "./table.ts";

export function fishScript(commands: readonly CommandSpec[], program: string): string {
  const name = program.replace(/\W/g, "_");
  const lines = [
    `# fish completion for ${program}: ${program} completion fish | source`,
    "",
    `function __${name}_words`,
    `    # The program as it was typed, so that a local one answers for its own project.`,
    `    set -l program (commandline -opc)[1]`,
    `    test -n "$program"; or set program ${program}`,
    `    eval (string escape -- (string replace -r '^~/' "$HOME/" -- $program)) completion --words $argv[1] -- (string escape -- $argv[2..-1] (commandline -opc)[2..-1]) 2>/dev/null`,
    `end`,
    "",
    `function __${name}_items`,
    `    set -l parts (string split -m 1 '[' -- (string replace -a '\\\\' '' -- (commandline -ct)))`,
    `    if set -q parts[2]`,
    `        __${name}_words items $parts[1]`,
    `    else`,
    `        __${name}_words $argv`,
    `    end`,
    `end`,
    "",
    `# The command is the first word that is not a flag.`,
    `function __${name}_command`,
    `    for word in (commandline -opc)[2..-1]`,
    `        string match -q -- '-*' $word; and continue`,
    `        echo $word`,
    `        return 0`,
    `    end`,
    `    return 1`,
    `end`,
    "",
    `function __${name}_is`,
    `    test (__${name}_command; or echo) = $argv[1]`,
    `end`,
    "",
    `# What a command does whose first word says it.`,
    `function __${name}_verb`,
    `    set -l words (string match -v -- '-*' (commandline -opc)[2..-1])`,
    `    set -q words[2]; and echo $words[2]`,
    `end`,
    "",
    `complete -c ${program} -f`,
    `complete -c ${program} -s h -l help -d 'show help'`,
    `complete -c ${program} -n 'not __${name}_command >/dev/null' -l version -d 'show the version'`,
  ];
  for (const command of commands) {
    const start = `complete -c ${program} -n '__${name}_is ${command.name}'`;
    lines.push(
      "",
      `complete -c ${program} -n 'not __${name}_command >/dev/null' -a ${command.name} -d ${quoteFish(command.summary)}`,
    );
    const args =
      command.takesItems === true ? `-a '(__${name}_items ${wordsOf(command.args)})'` : fishAction(command.args, name);
    if (command.verbs !== undefined) lines.push(...fishVerbs(command.name, command.verbs, { program, name }));
    else if (args !== undefined) lines.push(`${start} ${args}`);
    for (const flag of flagsOf(command)) lines.push(`${start} ${fishFlag(flag, name)}`);
    if (command.takesKeysAsFlags === true)
      lines.push(
        `complete -c ${program} -n '__${name}_is ${command.name}; and string match -q -- "-*" (commandline -ct)' -a '--(__${name}_words keys)'`,
      );
  }
  return `${lines.join("\n")}\n`;
}

function fishVerbs(
  command: string,
  verbs: NonNullable<CommandSpec["verbs"]>,
  { program, name }: { readonly program: string; readonly name: string },
): string[] {
  const when = (condition: string, kind: CommandSpec["args"]) =>
    `complete -c ${program} -n '__${name}_is ${command}; and ${condition}' ${fishAction(kind, name)}`;
  const after = (what: "runs" | "targets" | "files") =>
    verbsWith(verbs, what, (names) => when(`contains -- (__${name}_verb; or echo) ${names.join(" ")}`, what));
  return [
    when(`not __${name}_verb >/dev/null`, Object.keys(verbs)),
    after("runs"),
    after("targets"),
    after("files"),
  ].filter((line) => line !== "");
}

function fishFlag(flag: FlagSpec, name: string): string {
  const short = flag.short === undefined ? "" : `-s ${flag.short} `;
  const action = flag.value === undefined ? undefined : (fishAction(flag.value, name) ?? "-x");
  const value =
    action === undefined ? "" : action.startsWith("-F") ? ` -r ${action}` : action === "-x" ? " -x" : ` -x ${action}`;
  return `${short}-l ${flag.name} -d ${quoteFish(flag.summary)}${value}`;
}

function fishAction(kind: NonNullable<FlagSpec["value"]> | CommandSpec["args"], name: string): string | undefined {
  const words = wordsOf(kind);
  if (words !== undefined) return `-a '(__${name}_words ${words})'`;
  if (kind === "config") return `-F -a '(__${name}_words configs)'`;
  if (kind === "file" || kind === "files") return "-F";
  if (kind === "directory") return "-a '(__fish_complete_directories)'";
  if (kind === "setting") return `-a '(__${name}_words keys)='`;
  if (typeof kind === "string") return undefined;
  return `-a ${quoteFish(kind.join(" "))}`;
}

function quoteFish(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
