// Whether what a recipe reads can be seen on this machine.

import { execFileSync } from "node:child_process";
import { inputFailure, type Failure } from "../model/failure.ts";

/** Undefined: it can. */
export function whyReadsAreUnseen(): Failure | undefined {
  if (process.platform !== "linux")
    return inputFailure("--check-inputs sees what recipes read on Linux only", {
      fix: "Run it on a Linux machine, or in a container, with strace installed.",
    });
  try {
    execFileSync("strace", ["-f", "-qq", "-o", "/dev/null", "true"], { stdio: "ignore", timeout: 10_000 });
    return undefined;
  } catch (error) {
    const isAbsent = (error as NodeJS.ErrnoException).code === "ENOENT";
    return isAbsent
      ? inputFailure("--check-inputs needs strace, which is not installed", { fix: "sudo apt install strace" })
      : inputFailure("--check-inputs needs strace, which may trace nothing here", {
          fix: "In a container: docker run --cap-add=SYS_PTRACE. Elsewhere: sudo sysctl kernel.yama.ptrace_scope=1",
        });
  }
}
