// Members of the corpus, each opened as a copy in a temporary folder.

import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { Rig, repository } from "../rig.ts";

export const corpus = join(import.meta.dirname, "members");
export const members = readdirSync(corpus).sort();

export function openMember(member: string): Rig {
  const root = mkdtempSync(join(tmpdir(), "exp-compat-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  cpSync(join(corpus, member), root, { recursive: true });
  mkdirSync(join(root, "node_modules"));
  symlinkSync(repository, join(root, "node_modules", "expfile"));
  return new Rig(root);
}
