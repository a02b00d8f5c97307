// What a program says of itself, if it is there.

import { spawnSync } from "node:child_process";

export function versionOf(program: string, args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync(program, args, { encoding: "utf8" });
  return status === 0 ? (/\d+(?:\.\d+)+/.exec(stdout)?.[0] ?? stdout.trim()) : undefined;
}
