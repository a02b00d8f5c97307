// `exp init`: an empty folder becomes a project that builds at once. Existing files are left alone.

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { inputFailure } from "../model/failure.ts";
import { version } from "../project/version.ts";
import { initFiles } from "./init-files.ts";
import type { Arguments } from "./arguments.ts";
import { showFailures, writeLines, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";

export async function init(_args: Arguments, screen: Screen): Promise<number> {
  const files = initFiles();
  const taken = ["Expfile.ts"].filter((name) => existsSync(join(screen.workingFolder, name)));
  if (taken.length > 0) {
    showFailures(screen, [
      inputFailure(`${taken.join(", ")} is already here`, { fix: "This folder is a project: exp build" }),
    ]);
    return exitCodes.wrongInput;
  }
  const lines: string[] = [];
  for (const [name, text] of Object.entries(files)) {
    const path = join(screen.workingFolder, name);
    if (existsSync(path)) {
      lines.push(`kept     ${name} (it was here)`);
      continue;
    }
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { flag: "wx" });
    lines.push(`created  ${name}`);
  }
  const isInstalled = existsSync(join(screen.workingFolder, "node_modules", "expfile"));
  const exp = isInstalled ? "npx exp" : "exp";
  writeLines(screen, [
    ...lines,
    "",
    ...(isInstalled
      ? []
      : [
          `npm install PATH/expfile-${version}.tgz    so that the rules' types are found, and npx exp works here`,
          "  expfile is not on the npm registry yet: npm pack in its repository makes that file",
        ]),
    `${exp} build    builds the example`,
    `${exp} graph    draws it`,
  ]);
  return exitCodes.done;
}
