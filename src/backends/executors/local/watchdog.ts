// A driver that is killed cannot end its workers, and a worker that is busy does not notice that its driver is gone. A shell that waits on a pipe does:
// it is told which groups live, and ends them when the pipe closes, and then those who left their group. Until then it starts no program of its own.

import { spawn, type ChildProcess } from "node:child_process";

/** `+pid`: a group lives. `-pid`: it has ended. `.`: so has the driver, in good order. */
const script = `
g=
while read -r l; do
  case $l in
    +*) g="$g \${l#+} " ;;
    -*) o=$g g=; for p in $o; do [ "$p" = "\${l#-}" ] || g="$g $p "; done ;;
    .) exit ;;
  esac
done
# \`kill -9 -- -pid\` is the proper form; the shell of Debian does not know it.
for p in $g; do kill -9 "-$p"; done
for f in $(grep -lsF "=$1/" /proc/[0-9]*/environ); do
  p=\${f#/proc/}
  kill -9 "\${p%/environ}"
done
`;

export class Watchdog {
  readonly #scratch: string;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #groups = new Set<number>();
  #shell: ChildProcess | undefined;

  /** `scratch`: the folder by which processes of this driver's workers are known. The shell's own environment must not name it. */
  constructor(scratch: string, environment: NodeJS.ProcessEnv) {
    this.#scratch = scratch;
    this.#environment = environment;
  }

  began(group: number): void {
    this.#groups.add(group);
    if (this.#shell !== undefined) return this.#tell(`+${group}`);
    this.#shell = this.#start();
    for (const one of this.#groups) this.#tell(`+${one}`);
  }

  ended(group: number): void {
    this.#groups.delete(group);
    this.#tell(`-${group}`);
  }

  close(): void {
    this.#tell(".");
    this.#shell?.stdin?.end();
  }

  /** Undefined with too few open files: the next worker tries again. */
  #start(): ChildProcess | undefined {
    const shell = spawn("/bin/sh", ["-c", script, "sh", this.#scratch], {
      env: this.#environment,
      stdio: ["pipe", "ignore", "ignore"],
      detached: true,
    });
    shell.on("error", () => undefined);
    if (shell.pid === undefined) return undefined;
    shell.unref();
    shell.stdin.on("error", () => undefined);
    (shell.stdin as unknown as { unref?(): void }).unref?.();
    return shell;
  }

  #tell(line: string): void {
    this.#shell?.stdin?.write(`${line}\n`);
  }
}
