// The smoke part on the other supported Node: a build, an up-to-date build, an edit.

import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { makeProject, program } from "./rig.ts";

/** The path of a Node 24, or undefined where none can be had (no network, say). */
function findNode24(): string | undefined {
  try {
    const path = execFileSync("npx", ["-y", "node@24", "-p", "process.execPath"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      timeout: 120_000,
    });
    return path.trim();
  } catch {
    return undefined;
  }
}

const node24 = findNode24();

test.skipIf(node24 === undefined)(
  "the program builds, notices an edit, and is up to date on Node 24 (npx -y node@24)",
  () => {
    const rig = makeProject({});
    rig.remove("configs");
    rig.remove("package.json");
    const exp = (...args: string[]) =>
      execFileSync(node24!, [program, ...args], {
        cwd: rig.root,
        encoding: "utf8",
        env: { PATH: process.env.PATH, NO_COLOR: "1", EXP_GC: "off" },
      });
    exp("init");
    expect(exp("build")).toContain("done in");
    expect(exp("build")).toContain("up to date");
    rig.edit("rules/measure.ts", "heads++", "heads += 2");
    expect(planned(() => exp("plan", "--json")).includes('"stale"')).toBe(true);
  },
);

/** The output of a command that ends with exit code 3: work is due. */
function planned(run: () => string): string {
  try {
    return run();
  } catch (error) {
    const { status, stdout } = error as { status: number; stdout: string };
    expect(status).toBe(3);
    return stdout;
  }
}
