// Disks of a chosen size under a folder of a project, where the machine lets tests mount them.

import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

export const canMount = ((): boolean => {
  const folder = join(tmpdir(), `exp-test-mount-${process.pid}`);
  try {
    mkdirSync(folder);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "none", folder], { stdio: "ignore" });
    execFileSync("umount", [folder], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
})();

/** A disk of its own under the path until the test ends: `size=900k`, `nr_inodes=20`. */
export function mount(path: string, options: string): void {
  mkdirSync(path, { recursive: true });
  execFileSync("mount", ["-t", "tmpfs", "-o", options, "none", path]);
  onTestFinished(() => {
    try {
      execFileSync("umount", ["-l", path], { stdio: "ignore" });
    } catch {
      // Taken away by the test already.
    }
  });
}

/** Other options for a disk that is mounted: `size=20m`, `ro`. */
export function remount(path: string, options: string): void {
  execFileSync("mount", ["-o", `remount,${options}`, path]);
}
