// Completion for bash: one function, a case a command. Works with the bash 3.2 of macOS and without the bash-completion package.

import { flagsOf, quoteShell, spellings, verbsWith, wordsOf, type CommandSpec, type FlagSpec } from "./table.ts";

export function bashScript(commands: readonly CommandSpec[], program: string): string {
  const name = program.replace(/\W/g, "_");
  const names = commands.map((command) => command.name).join(" ");
  return `# bash completion for ${program}: eval "$(${program} completion bash)"

_${name}_words() {
  # The program as it was typed, so that a local one answers for its own project.
  "\${_${name}_program/#\\~\\//$HOME/}" completion --words "$1" -- "\${@:2}" "\${_${name}_line[@]}" 2>/dev/null </dev/null
}

# Adds each line of standard input that begins with the current word, quoted where the shell would split it.
_${name}_offer() {
  local line
  while IFS= read -r line; do
    if [[ -n $line && \${1-}$line == "$_${name}_current"* ]]; then
      # Readline completes from the last = or : on, so what lies before it is not repeated.
      line="\${1-}$line"
      line="\${line#"$_${name}_kept"}"
      [[ -z $line ]] || printf -v line %q "$line"
      COMPREPLY+=("$line")
    fi
  done
}

_${name}_files() {
  local line typed="\${_${name}_current#"$_${name}_kept"}"
  while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen "$1" -- "$typed")
  # Not in the bash of macOS.
  compopt -o filenames 2>/dev/null || return 0
}

_${name}_nospace() {
  compopt -o nospace 2>/dev/null || return 0
}

# What may follow a flag; fails if nothing need follow it.
_${name}_value() {
  case "$1 $2" in
${commands.flatMap((command) => flagsOf(command).flatMap((flag) => bashValueCase(command, flag, name))).join("\n")}
    *) return 1 ;;
  esac
  return 0
}

_${name}() {
  COMPREPLY=()
  local before="\${COMP_LINE:0:COMP_POINT}" words word command="" verb="" index last
  local _${name}_current="\${before##*[[:space:]]}" _${name}_kept="" _${name}_program="\${COMP_WORDS[0]}"
  before="\${before%"$_${name}_current"}"
  # What was completed before came quoted.
  _${name}_current="\${_${name}_current//\\\\[\\[]/[}"
  IFS=$' \\t\\n' read -r -a words <<<"$before"
  [[ $_${name}_current == *[=:]* ]] && _${name}_kept="\${_${name}_current%"\${_${name}_current##*[=:]}"}"
  [[ $COMP_WORDBREAKS == *=* && $COMP_WORDBREAKS == *:* ]] || _${name}_kept=""

  for ((index = 1; index < \${#words[@]}; index++)); do
    word="\${words[index]}"
    if [[ $word == -* ]]; then continue; fi
    if [[ -z $command ]]; then command="$word"; elif [[ -z $verb ]]; then verb="$word"; fi
  done
  local _${name}_line=("\${words[@]:1}")
  last=""
  if ((\${#words[@]} > 1)); then last="\${words[\${#words[@]} - 1]}"; fi

  if [[ -z $command ]]; then
    _${name}_offer < <(printf '%s\\n' ${names} ${commands.length === 0 ? "" : "--help --version"})
    return 0
  fi
  # --flag=value
  if [[ $_${name}_current == --*=* ]]; then
    local flag="\${_${name}_current%%=*}" all="$_${name}_current"
    _${name}_current="\${all#*=}"
    _${name}_kept="\${_${name}_kept#"$flag="}"
    _${name}_value "$command" "$flag"
    return 0
  fi
  if [[ $last == -* && $last != *=* ]] && _${name}_value "$command" "$last"; then return 0; fi
  case "$command" in
${commands.map((command) => bashCommandCase(command, name)).join("\n")}
  esac
  return 0
}

complete -F _${name} ${program}
`;
}

function bashValueCase(command: CommandSpec, flag: FlagSpec, name: string): string[] {
  if (flag.value === undefined) return [];
  const patterns = spellings(flag).map((spelling) => `${quoteShell(`${command.name} ${spelling}`)}`);
  return [`    ${patterns.join(" | ")}) ${bashValue(flag.value, name)} ;;`];
}

function bashValue(value: NonNullable<FlagSpec["value"]>, name: string): string {
  const words = wordsOf(value);
  if (words !== undefined) return `_${name}_offer < <(_${name}_words ${words})`;
  if (value === "config") return `_${name}_offer < <(_${name}_words configs); _${name}_files -f`;
  if (value === "file") return `_${name}_files -f`;
  if (value === "directory") return `_${name}_files -d`;
  if (value === "setting") return `_${name}_offer < <(_${name}_words keys | sed 's/$/=/'); _${name}_nospace`;
  if (typeof value === "string") return ":";
  return `_${name}_offer < <(printf '%s\\n' ${value.map(quoteShell).join(" ")})`;
}

function bashCommandCase(command: CommandSpec, name: string): string {
  const flags = [...flagsOf(command).map((flag) => `--${flag.name}`), "--help"].map(quoteShell).join(" ");
  const keys = command.takesKeysAsFlags === true ? `\n        _${name}_offer -- < <(_${name}_words keys)` : "";
  return `    ${quoteShell(command.name)})
      if [[ $_${name}_current == -* ]]; then
        _${name}_offer < <(printf '%s\\n' ${flags})${keys}
      else
        ${command.verbs !== undefined ? bashVerbs(command.verbs, name) : command.takesItems === true ? bashItems(command.args, name) : bashArgs(command.args, name)}
      fi
      ;;`;
}

function bashVerbs(verbs: NonNullable<CommandSpec["verbs"]>, name: string): string {
  const after = (["runs", "targets", "files"] as const).map((what) =>
    verbsWith(verbs, what, (names) => `          ${names.join(" | ")}) ${bashArgs(what, name)} ;;\n`),
  );
  return `case "$verb" in
          "") ${bashArgs(Object.keys(verbs), name)} ;;
${after.join("")}        esac`;
}

function bashItems(args: CommandSpec["args"], name: string): string {
  return `local list=(${wordsOf(args)})
        if [[ $_${name}_current == *\\[* ]]; then list=(items "\${_${name}_current%%\\[*}"); fi
        _${name}_offer < <(_${name}_words "\${list[@]}")`;
}

function bashArgs(args: CommandSpec["args"], name: string): string {
  const words = wordsOf(args);
  if (words !== undefined) return `_${name}_offer < <(_${name}_words ${words})`;
  if (args === "files") return `_${name}_files -f`;
  if (typeof args === "string") return ":";
  return `_${name}_offer < <(printf '%s\\n' ${args.map(quoteShell).join(" ")})`;
}
