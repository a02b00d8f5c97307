// A container: a folder of its own, and processes that see little else. Where bubblewrap is installed they see the system's programs, their folder as `/`
// and their volumes, and nothing of this machine besides. Without it a process runs in its folder, and mount paths in its argv and environment are replaced
// by the places where they lie. Knows no RPC.

import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  watch,
  writeFileSync,
  type FSWatcher,
} from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { Output } from "./output.ts";
import type { VolumeView } from "./volumes.ts";

export const hasBubblewrap = spawnSync("bwrap", ["--version"]).status === 0;

const systemFolders = ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/opt"];

/** How a process ended. */
export interface Exit {
  /** 128 and the signal's number where a signal ended it. */
  readonly code: number;
}

export interface RunOptions {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly workdir?: string;
  /** Bytes of output that are kept. */
  readonly keepOutput?: number;
}

export class ContainerProcess {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly exited: Promise<Exit>;
  exit: Exit | undefined;
  readonly #child: ChildProcess;

  constructor(child: ChildProcess, keepOutput: number | undefined) {
    this.#child = child;
    this.stdout = new Output(keepOutput);
    this.stderr = new Output(keepOutput);
    child.stdout!.on("data", (data: Buffer) => this.stdout.append(data));
    child.stderr!.on("data", (data: Buffer) => this.stderr.append(data));
    child.stdin!.on("error", () => undefined);
    this.exited = new Promise((resolve) => {
      const end = (exit: Exit) => {
        this.exit ??= exit;
        this.stdout.end();
        this.stderr.end();
        resolve(this.exit);
      };
      child.once("error", (error) => {
        this.stderr.append(Buffer.from(`${error.message}\n`));
        end({ code: 127 });
      });
      child.once("close", (code, signal) =>
        end({ code: code ?? 128 + (signal === null ? 0 : (constants.signals[signal] ?? 0)) }),
      );
    });
  }

  write(data: Uint8Array): void {
    this.#child.stdin!.write(data);
  }

  closeInput(): void {
    this.#child.stdin!.end();
  }

  /** To the command itself, as a container's runtime sends it; SIGKILL to all that it has started. */
  kill(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined || this.exit !== undefined) return;
    const inner = hasBubblewrap && signal !== "SIGKILL" ? commandBelow(pid) : undefined;
    try {
      process.kill(inner ?? -pid, signal);
    } catch {
      // It has just ended.
    }
  }
}

export class Container {
  readonly folder: string;
  readonly views: readonly VolumeView[];
  readonly #hasNetwork: boolean;
  readonly #seesToo: readonly string[];
  readonly #node: string;
  readonly #watcher: FSWatcher;
  readonly #processes = new Set<ContainerProcess>();

  /** `sync`: called when a process in the container says `sync PATH`, of which it waits for the end. */
  constructor(
    folder: string,
    {
      views,
      hasNetwork,
      seesToo,
      node,
      sync,
    }: {
      views: readonly VolumeView[];
      hasNetwork: boolean;
      seesToo: readonly string[];
      node: string;
      sync: (path: string) => Promise<void>;
    },
  ) {
    this.folder = folder;
    this.views = views;
    this.#hasNetwork = hasNetwork;
    this.#seesToo = seesToo;
    this.#node = node;
    for (const name of ["fs/tmp", "fs/root", "modal/asked", "modal/bin"])
      mkdirSync(join(folder, name), { recursive: true });
    for (const path of systemFolders)
      if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true)
        symlinkSync(readlinkSync(path), join(folder, "fs", path));
    const asked = join(folder, "modal/asked");
    writeFileSync(join(folder, "modal/bin/sync"), syncScript(hasBubblewrap ? "/__modal/asked" : asked));
    chmodSync(join(folder, "modal/bin/sync"), 0o755);
    this.#watcher = watch(asked, (_, name) => {
      if (name === null || !name.endsWith(".ask") || !existsSync(join(asked, name))) return;
      const taken = join(asked, name.replace(/\.ask$/, ".taken"));
      renameSync(join(asked, name), taken);
      void sync(readFileSync(taken, "utf8")).then(() =>
        renameSync(taken, join(asked, name.replace(/\.ask$/, ".done"))),
      );
    });
  }

  run({ argv, environment, workdir, keepOutput }: RunOptions): ContainerProcess {
    const nodeFolder = dirname(this.#node);
    const known = { PATH: `${nodeFolder}:/usr/local/bin:/usr/bin:/bin`, HOME: "/root", ...environment };
    const child = hasBubblewrap
      ? spawn("bwrap", [...this.#boundaries(known, workdir), "--", ...argv], {
          env: {},
          detached: true,
          stdio: ["pipe", "pipe", "pipe"],
        })
      : spawn(
          this.#placed(argv[0]!),
          argv.slice(1).map((word) => this.#placed(word)),
          {
            env: {
              ...Object.fromEntries(Object.entries(known).map(([name, value]) => [name, this.#placed(value)])),
              PATH: `${join(this.folder, "modal/bin")}:${known.PATH}`,
              HOME: join(this.folder, "fs/root"),
            },
            cwd: workdir === undefined ? join(this.folder, "fs") : this.hostPath(workdir),
            detached: true,
            stdio: ["pipe", "pipe", "pipe"],
          },
        );
    const started = new ContainerProcess(child, keepOutput);
    this.#processes.add(started);
    void started.exited.then(() => this.#processes.delete(started));
    return started;
  }

  /** Where a path of the container lies on this machine. */
  hostPath(path: string): string {
    const view = this.views.find(({ mountPath }) => path === mountPath || path.startsWith(`${mountPath}/`));
    if (view !== undefined) return join(view.folder, path.slice(view.mountPath.length));
    if (systemFolders.some((folder) => path === folder || path.startsWith(`${folder}/`))) return path;
    return join(this.folder, "fs", path);
  }

  async end(): Promise<void> {
    this.#watcher.close();
    for (const one of this.#processes) one.kill("SIGKILL");
    await Promise.all([...this.#processes].map(({ exited }) => exited));
  }

  #boundaries(environment: Readonly<Record<string, string>>, workdir: string | undefined): readonly string[] {
    const system = systemFolders.flatMap((path) => {
      const stat = lstatSync(path, { throwIfNoEntry: false });
      return stat === undefined || stat.isSymbolicLink() ? [] : ["--ro-bind", path, path];
    });
    const node = dirname(dirname(this.#node));
    return [
      ...["--bind", join(this.folder, "fs"), "/"],
      // Before what may lie in /dev/shm.
      ...["--proc", "/proc", "--dev", "/dev"],
      ...system,
      ...(systemFolders.some((folder) => node.startsWith(folder)) ? [] : ["--ro-bind", node, node]),
      ...["--ro-bind", join(this.folder, "modal/bin/sync"), "/usr/bin/sync"],
      ...["--bind", join(this.folder, "modal"), "/__modal"],
      ...this.views.flatMap(({ folder, mountPath, isReadOnly }) => [
        isReadOnly ? "--ro-bind" : "--bind",
        folder,
        mountPath,
      ]),
      ...this.#seesToo.flatMap((path) => ["--bind", path, path]),
      ...["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent"],
      ...(this.#hasNetwork ? [] : ["--unshare-net"]),
      ...["--hostname", "modal", "--clearenv"],
      ...Object.entries(environment).flatMap(([name, value]) => ["--setenv", name, value]),
      ...["--chdir", workdir ?? "/root"],
    ];
  }

  #placed(text: string): string {
    return this.views.reduce((placed, { mountPath, folder }) => placed.replaceAll(mountPath, folder), text);
  }
}

/** \`sync\` as a container's volumes need it: it returns when what was written is committed. */
function syncScript(asked: string): string {
  return `#!/bin/sh
for path in "$@"; do
  name=$(mktemp ${asked}/XXXXXXXX)
  printf %s "$path" > "$name"
  mv "$name" "$name.ask"
  until [ -e "$name.done" ]; do sleep 0.02; done
done
`;
}

/** bubblewrap, its init, and then the command. */
function commandBelow(pid: number): number | undefined {
  const [init] = childrenOf(pid);
  return init === undefined ? undefined : childrenOf(init)[0];
}

function childrenOf(pid: number): readonly number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}
