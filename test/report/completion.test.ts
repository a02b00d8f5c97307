import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { completionScript, SHELLS, type CommandSpec, type Shell } from "../../src/ui/completion.ts";

const commands: readonly CommandSpec[] = [
  {
    name: "build",
    summary: "bring targets up to date: it's what exp is for",
    args: "targets",
    takesKeysAsFlags: true,
    flags: [
      { name: "config", short: "c", value: "config", summary: "the config [YAML]" },
      { name: "run", value: "run", summary: "the run" },
      { name: "set", value: "setting", summary: "override a field" },
      { name: "json", summary: "events as JSON lines" },
      { name: "help", short: "h", summary: "what the command does" },
    ],
  },
  {
    name: "why",
    summary: "why a target is stale",
    args: "targets",
    takesItems: true,
    flags: [{ name: "help", short: "h", summary: "what the command does" }],
  },
  {
    name: "graph",
    summary: "draw the targets",
    args: "targets",
    flags: [{ name: "format", short: "f", value: ["tree", "mermaid", "dot"], summary: "how" }],
  },
  {
    name: "runs",
    summary: "list the runs",
    args: "runs",
    verbs: { list: "none", show: "runs", import: "files" },
    flags: [],
  },
  { name: "completion", summary: "print a completion script", args: ["bash", "zsh", "fish"], flags: [] },
  { name: "doctor", summary: "look for problems", args: "none", flags: [] },
];

const exp = `#!/bin/sh
case "$*" in
  "completion --words targets -- "*"--run low-pH"* | "completion --words targets -- "*"-c ablation"*) echo only-there ;;
  "completion --words targets -- "*) printf '%s\\n' prepare generate judge peptides:score ;;
  "completion --words runs -- "*) printf '%s\\n' default low-pH ;;
  "completion --words configs -- "*) printf '%s\\n' ablation default ;;
  "completion --words items -- generate why"*) printf '%s\\n' 'generate[low/seed=1]' 'generate[low/seed=2]' 'generate[high/seed=1]' ;;
  "completion --words keys -- "*) printf '%s\\n' judge.pH judge.model generate.samples ;;
esac
`;

/** What a shell offers for the line; for each shell its own way to ask without a keyboard. */
const drive: { readonly [S in Shell]: string } = {
  bash: `source "$1"; COMP_LINE="$2"; COMP_POINT=\${#2}; COMP_WORDS=($2); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _exp
    printf '%s\\n' "\${COMPREPLY[@]}"`,
  fish: `source $argv[1]; complete -C $argv[2] | string replace -r '\\t.*' ''`,
  // A second zsh on a pseudo-terminal, with compadd replaced by one that prints.
  zsh: `zmodload zsh/zpty
    zpty z zsh -f -i
    zpty -w z 'PROMPT=; autoload -Uz compinit; compinit -u -d "$HOME/.zcompdump"; source '"\${(q)1}"
    zpty -w z 'nothing() { print -r -- END }; compprefuncs=(); comppostfuncs=(nothing exit); bindkey "^I" complete-word; zstyle ":completion:*" insert-tab false'
    zpty -w z 'compadd() {
      if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then builtin compadd "$@"; return $?; fi
      typeset -a hits; builtin compadd -A hits "$@"; setopt localoptions extendedglob; [[ -n $hits ]] || return
      typeset -A before hidden after other; zparseopts -E P:=before p:=hidden S:=after s:=other
      for hit in $hits; do print -r -- "HIT:$IPREFIX$before$hidden$hit$after"; done
    }'
    zpty -w z 'print READY'
    while zpty -r z line; do [[ $line == READY* ]] && break; done
    zpty -w -n z "$2"$'\\t'
    while zpty -r z line; do
      [[ $line == *HIT:* ]] && print -r -- "\${\${line#*HIT:}%%[[:space:]]*}"
      [[ $line == END* ]] && break
    done
    zpty -d z`,
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "exp-completion-"));
  mkdirSync(join(folder, "bin"));
  mkdirSync(join(folder, "configs"));
  writeFileSync(join(folder, "configs", "my config.yaml"), "");
  writeFileSync(join(folder, "bin", "exp"), exp);
  chmodSync(join(folder, "bin", "exp"), 0o755);
  for (const shell of SHELLS) writeFileSync(join(folder, `exp.${shell}`), completionScript(shell, commands));
});
afterAll(() => rmSync(folder, { recursive: true }));

function offered(shell: Shell, line: string): string[] {
  const plain = { bash: ["--norc", "--noprofile"], zsh: ["-f"], fish: ["--no-config"] }[shell];
  // fish gives its arguments to the script directly, bash and zsh count $0 first.
  const args = [...plain, "-c", drive[shell], ...(shell === "fish" ? [] : [shell]), join(folder, `exp.${shell}`), line];
  const env = { ...process.env, PATH: `${join(folder, "bin")}:${process.env["PATH"]}`, HOME: folder, TERM: "dumb" };
  const { stdout, stderr, error } = spawnSync(shell, args, { cwd: folder, env, encoding: "utf8", timeout: 120_000 });
  if (error !== undefined) throw error;
  expect(stderr).toBe("");
  return stdout
    .split("\n")
    .filter((word) => word !== "")
    .sort();
}

function isInstalled(shell: Shell): boolean {
  return spawnSync(shell, ["-c", "exit"]).error === undefined;
}

describe.each(SHELLS.filter(isInstalled))("%s", (shell) => {
  // fish and zsh put the whole word back, bash what follows the last = or colon.
  const whole = shell !== "bash";
  // bash and zsh give words as they have to stand on the line.
  const plainly = (word: string) => (shell === "fish" ? word : word.replace(/[[\]]/g, "\\$&"));

  test.each<[string, readonly string[]]>([
    ["exp bu", ["build"]],
    ["exp build ge", ["generate"]],
    ["exp build prepare j", ["judge"]],
    ["exp build --json g", ["generate"]],
    ["exp build --ju", ["--judge.model", "--judge.pH"]],
    ["exp build --run ", ["default", "low-pH"]],
    ["exp build --run=lo", [whole ? "--run=low-pH" : "low-pH"]],
    ["exp build --set judge.", ["judge.model=", "judge.pH="]],
    ["exp build peptides:s", [whole ? "peptides:score" : "score"]],
    ["exp build -c abl", ["ablation"]],
    ["exp build --config=def", [whole ? "--config=default" : "default"]],
    ["exp why ge", ["generate"]],
    ["exp why generate\\[low/seed=", ["1]", "2]"].map((end) => plainly(whole ? `generate[low/seed=${end}` : end))],
    ["exp why generate\\[hi", [plainly("generate[high/seed=1]")]],
    ["exp why --he", ["--help"]],
    ["exp build --he", ["--help"]],
    ["exp build -c bi", [shell === "fish" ? "bin/" : "bin"]],
    ["exp graph --format ", ["dot", "mermaid", "tree"]],
    ["exp graph -f m", ["mermaid"]],
    ["exp build --run low-pH on", ["only-there"]],
    ["exp build --json -c ablation ", ["only-there"]],
    ["exp runs ", ["import", "list", "show"]],
    ["exp runs sh", ["show"]],
    ["exp runs show ", ["default", "low-pH"]],
    ["exp runs show default low", ["low-pH"]],
    ["exp runs list ", []],
    ["exp runs import bi", [shell === "fish" ? "bin/" : "bin"]],
    ["exp completion ", ["bash", "fish", "zsh"]],
  ])("%s", (line, words) => {
    expect(offered(shell, line)).toEqual(words);
  });

  // In zsh a bare bracket begins a subscript: it has to be quoted there, as it would have to be to run the command.
  test.skipIf(shell === "zsh")("offers items after a bare bracket", () => {
    expect(offered(shell, "exp why generate[hi")).toEqual([plainly("generate[high/seed=1]")]);
  });

  test("offers every command first", () => {
    expect(offered(shell, "exp ")).toEqual(expect.arrayContaining(commands.map(({ name }) => name)));
  });

  test("offers every flag of the command and no other", () => {
    const flags = offered(shell, "exp graph --");
    expect(flags).toEqual(
      expect.arrayContaining(["--format", "--help"].map((flag) => (flags.includes(flag) ? flag : `${flag}=`))),
    );
    expect(flags.join(" ")).not.toContain("config");
  });

  test("offers no targets to a command that takes none", () => {
    expect(offered(shell, "exp doctor ").filter((word) => !word.startsWith("-"))).toEqual([]);
  });
});

for (const shell of SHELLS.filter((each) => !isInstalled(each))) {
  test.skip(`${shell} is not installed here`, () => {});
}

test("the program's name is a parameter", () => {
  for (const shell of SHELLS) {
    expect(completionScript(shell, commands, "my-exp")).not.toMatch(/(?<!my[-_])\bexp (?:completion|build)/);
  }
});
