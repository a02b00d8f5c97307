// Completion scripts for bash, zsh and fish, from a table of commands. Pure; the scripts ask the program itself for the words
// that depend on the project: `exp completion --words targets|outputs|runs|keys|configs -- WORD…` prints one a line, and so does
// `--words items -- TARGET WORD…`. WORD… are those of the line so far, because it may say which run is meant.

import { unreachable } from "../util/result.ts";
import { bashScript } from "./completion/bash.ts";
import { fishScript } from "./completion/fish.ts";
import type { CommandSpec } from "./completion/table.ts";
import { zshScript } from "./completion/zsh.ts";

export { WORD_LISTS, type CommandSpec, type FlagSpec, type WordList } from "./completion/table.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

export function completionScript(shell: Shell, commands: readonly CommandSpec[], program = "exp"): string {
  switch (shell) {
    case "bash":
      return bashScript(commands, program);
    case "zsh":
      return zshScript(commands, program);
    case "fish":
      return fishScript(commands, program);
    default:
      return unreachable(shell);
  }
}
