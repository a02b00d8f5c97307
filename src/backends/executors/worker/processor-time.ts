// Processor time of this process, and of the programs that it has waited for.

import { readFileSync } from "node:fs";

/** Clock ticks a second, of every Linux that Node runs on. */
const ticksASecond = 100;

/** Starts to count; the function returned gives the milliseconds since. `withPrograms`: reading theirs takes a look at a file. */
export function startCpu(withPrograms: boolean): () => number {
  const start = process.cpuUsage();
  const programs = withPrograms ? programsMs() : 0;
  return () => {
    const { user, system } = process.cpuUsage(start);
    const own = (user + system) / 1000;
    return Math.round((own + (withPrograms ? programsMs() - programs : 0)) * 10) / 10;
  };
}

/** 0 where there is no /proc. */
function programsMs(): number {
  try {
    // After the command's name, which may itself hold spaces and brackets: the 16th and 17th fields are those of programs that have ended.
    const fields = readFileSync("/proc/self/stat", "latin1")
      .replace(/^.*\) /s, "")
      .split(" ");
    return ((Number(fields[13]) + Number(fields[14])) * 1000) / ticksASecond;
  } catch {
    return 0;
  }
}
