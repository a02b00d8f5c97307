// The repository's experiment as a project of its own, in a temporary folder.

import { cpSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repository, Rig } from "../rig.ts";

/** To be removed by who asks. */
export function copyProject(): Rig {
  const rig = new Rig(mkdtempSync(join(tmpdir(), "exp-peptides-")));
  for (const part of ["Expfile.ts", "rules", "configs", "tsconfig.json"])
    cpSync(join(repository, part), rig.path(part), { recursive: true });
  rig.write({ "package.json": '{ "private": true, "type": "module" }\n' });
  mkdirSync(rig.path("node_modules"));
  for (const name of readdirSync(join(repository, "node_modules")))
    if (!name.startsWith(".")) symlinkSync(join(repository, "node_modules", name), rig.path(`node_modules/${name}`));
  symlinkSync(repository, rig.path("node_modules/expfile"));
  return rig;
}
