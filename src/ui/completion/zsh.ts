// Completion for zsh: the usual _arguments, so that it looks and behaves as the user has set up completion.

import { flagsOf, quoteShell, verbsWith, wordsOf, type CommandSpec, type FlagSpec } from "./table.ts";

export function zshScript(commands: readonly CommandSpec[], program: string): string {
  const name = program.replace(/\W/g, "_");
  return `#compdef ${program}
# zsh completion for ${program}: eval "$(${program} completion zsh)" after compinit, or a file _${program} on $fpath

_${name}_words() {
  local -a found
  found=(\${(f)"$(_call_program words \${(q)_${name}_program:-${program}} completion --words $1 -- \${(q)words} 2>/dev/null)"})
  (( $#found )) && compadd -M 'r:|[._-]=* r:|=*' "\${@:2}" -a found
}
_${name}_targets() { _${name}_words targets }
_${name}_outputs() { _${name}_words outputs }
_${name}_items() {
  [[ $PREFIX == *\\[* ]] || { _${name}_words $argv[-1]; return }
  local -a found
  found=(\${(f)"$(_call_program words \${(q)_${name}_program:-${program}} completion --words items -- \${(q)\${(Q)PREFIX}%%\\[*} \${(q)words} 2>/dev/null)"})
  (( $#found )) && compadd -a found
}
_${name}_configs() { _${name}_words configs; _files }
_${name}_runs() { _${name}_words runs }
_${name}_keys() { _${name}_words keys }
_${name}_settings() { _${name}_words keys -S = }
_${name}_key_flags() {
  local -a found
  found=(\${(f)"$(_call_program words \${(q)_${name}_program:-${program}} completion --words keys -- \${(q)words} 2>/dev/null)"})
  (( $#found )) && compadd -- --\${^found}
}

_${name}_commands() {
  local -a commands
  commands=(
${commands.map((command) => `    ${quoteShell(`${command.name}:${command.summary}`)}`).join("\n")}
  )
  _describe -t commands command commands
}

_${name}() {
  local curcontext="$curcontext" state line _${name}_program=$words[1]
  typeset -A opt_args
  _arguments -C '(-h --help)'{-h,--help}'[show help]' '--version[show the version]' \\
    '1:command:_${name}_commands' '*::argument:->arguments'
  [[ $state == arguments ]] || return
  case $words[1] in
${commands.map((command) => zshCommandCase(command, name)).join("\n")}
  esac
}

if [[ $funcstack[1] == _${name} ]]; then
  _${name} "$@"
else
  compdef _${name} ${program}
fi
`;
}

function zshCommandCase(command: CommandSpec, name: string): string {
  const specs = [...flagsOf(command).map((flag) => zshFlag(flag, name)), "'(-h --help)'{-h,--help}'[show help]'"];
  const args = command.takesItems === true ? `_${name}_items ${wordsOf(command.args)}` : zshAction(command.args, name);
  if (command.verbs !== undefined) specs.push(...zshVerbs(command.verbs, name));
  else if (args !== undefined)
    specs.push(
      quoteShell(`*:${typeof command.args === "string" ? command.args.replace(/s$/, "") : "argument"}:${args}`),
    );
  const keys = command.takesKeysAsFlags === true ? `      [[ $PREFIX == --* ]] && _${name}_key_flags\n` : "";
  return `    ${command.name})
${keys}      _arguments \\
        ${specs.join(" \\\n        ")}
      ;;`;
}

function zshVerbs(verbs: NonNullable<CommandSpec["verbs"]>, name: string): string[] {
  const after = (what: "runs" | "targets" | "files", action: string) =>
    verbsWith(verbs, what, (names) => `[[ $words[2] == (${names.join("|")}) ]] && ${action}; `);
  return [
    quoteShell(`1:what:(${Object.keys(verbs).join(" ")})`),
    quoteShell(
      `*:word:{ ${after("runs", `_${name}_runs`)}${after("targets", `_${name}_targets`)}${after("files", "_files")}}`,
    ),
  ];
}

/** `'(-c --config)'{-c,--config=}'[which config]:file:_files'`; a flag may come again where it sets something. */
function zshFlag(flag: FlagSpec, name: string): string {
  const action = flag.value === undefined ? undefined : (zshAction(flag.value, name) ?? " ");
  const kind = typeof flag.value === "string" ? flag.value : "value";
  const rest = `[${flag.summary.replace(/[\\\]:[]/g, "\\$&")}]${action === undefined ? "" : `:${kind}:${action}`}`;
  const long = `--${flag.name}${action === undefined ? "" : "="}`;
  const isRepeated = flag.value === "setting" || flag.value === "text";
  if (flag.short === undefined) return quoteShell(`${isRepeated ? "*" : ""}${long}${rest}`);
  const exclusion = isRepeated ? "'*'" : quoteShell(`(-${flag.short} --${flag.name})`);
  return `${exclusion}{-${flag.short}${action === undefined ? "" : "+"},${long}}${quoteShell(rest)}`;
}

function zshAction(kind: NonNullable<FlagSpec["value"]> | CommandSpec["args"], name: string): string | undefined {
  const words = wordsOf(kind);
  if (words !== undefined) return `_${name}_${words}`;
  if (kind === "config") return `_${name}_configs`;
  if (kind === "file" || kind === "files") return "_files";
  if (kind === "directory") return "_files -/";
  if (kind === "setting") return `_${name}_settings`;
  if (typeof kind === "string") return undefined;
  return `(${kind.map((word) => word.replace(/[\s\\():]/g, "\\$&")).join(" ")})`;
}
