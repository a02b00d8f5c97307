// What an action reads, held against what it declares: files by a trace of its system calls (it runs under strace), variables by asking who
// asks. Says what was undeclared; decides nothing about results.

import { accessSync, closeSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import type { InputOrder, Order } from "../executor.ts";

/** What a worker is told that checks; `checkFile` of its folder holds it. */
export interface CheckSetup {
  readonly root: string;
  /** The user's, not the worker's. */
  readonly home: string | undefined;
  readonly path: string;
  /** Names of variables that the driver has. */
  readonly variables: readonly string[];
}
export const checkFile = "check.json";
export const traceFile = "strace";
/** What strace has to name: everything that reads a file, looks whether it is there, or runs it. */
export const tracedCalls =
  "open,openat,openat2,stat,lstat,newfstatat,statx,access,faccessat,faccessat2,execve,execveat";

/** The action read what it does not declare; `message` names all of it. */
export class UndeclaredError extends Error {}

const systemFolders =
  "/bin /dev /etc /lib /lib32 /lib64 /nix /opt /proc /run /sbin /sys /usr /var/cache /var/lib".split(" ");
/** Asked for, a path that is not there, so that the trace shows where an action begins and ends. */
const markFolder = "/exp-mark";
/** What a Python looks for and reads by itself, wherever it is installed: its library, packages, how it was set up, what it compiled. */
const ofPython =
  /\/(lib(64)?\/python\d+(\.\d+)*t?(\.zip$|\/)|(site|dist)-packages(\/|$)|__pycache__(\/|$)|pyvenv\.cfg$|pybuilddir\.txt$|python[\d.]*t?\._pth$)/;
/** Which of several installed versions a name on the PATH is: the version itself is what `tools` says. */
const versionFiles = new Set([".python-version", ".tool-versions"]);
const line = /^\d+ +(\w+)\((?:AT_FDCWD<(.*?)>, |\d+<(.*?)>, )?"((?:[^"\\]|\\.)*)"(.*)$/;

export class InputCheck {
  readonly #setup: CheckSetup;
  readonly #scratch: string;
  readonly #folders: readonly string[];
  readonly #variables = new Set<string>();
  /** What was found undeclared so far, by what read it. */
  readonly #found = { setup: new Set<string>(), action: new Set<string>() };
  #allowed = new Set<string>();
  #above = new Set<string>();
  #at = 0;
  #marks = 0;

  constructor(scratch: string, workerFolder: string) {
    this.#scratch = scratch;
    this.#setup = JSON.parse(readFileSync(join(scratch, checkFile), "utf8")) as CheckSetup;
    const { root, home, path } = this.#setup;
    const programs = path.split(":").flatMap((folder) => {
      const prefix = dirname(folder);
      // Beside bin/ lies the library of what is installed there; a project's or a person's own bin/ lies beside their files.
      const isOwn = prefix === home || isBelow(root, prefix);
      return ["bin", "shims"].includes(basename(folder)) && !isOwn ? [prefix] : [folder];
    });
    const node = dirname(process.execPath);
    this.#folders = [
      ...[...systemFolders, ...programs, node, workerFolder],
      ...[join(root, "cache"), join(root, "runs", ".archive"), dirname(scratch)],
    ].filter((folder) => folder !== "" && folder !== "/");
    this.#watchVariables();
  }

  /** Files that any item of the order declares are declared for each: they are of one target. */
  begin(order: Order): void {
    const files = [
      ...[order.inputs, ...(order.items ?? []).map(({ inputs }) => inputs)].flatMap((inputs) =>
        Object.values(inputs).flatMap(pathsOf),
      ),
      ...(order.itemsFile === undefined ? [] : [order.itemsFile]),
      ...(order.code.kind === "command" ? order.code.files.map(([, path]) => path) : [order.code.resolveFrom]),
    ];
    this.#allowed = new Set(files);
    this.#above = new Set();
    for (const path of [...files, ...this.#folders])
      for (let folder = dirname(path); !this.#above.has(folder); folder = dirname(folder)) this.#above.add(folder);
    this.#variables.clear();
    for (const found of Object.values(this.#found)) found.clear();
    this.#read(this.#mark());
  }

  /** Runs the `setup` of a recipe: what that reads is told as such, since it is read once and serves other items too. */
  async inSetup<T>(setup: () => Promise<T>): Promise<T> {
    this.#take(this.#found.action);
    try {
      return await setup();
    } finally {
      this.#take(this.#found.setup);
    }
  }

  /** Throws if something undeclared was read since `begin`. */
  end(): void {
    const { setup, action } = this.#found;
    this.#take(action);
    const told = [
      ...(action.size > 0 ? [`read what it does not declare: ${[...action].join(", ")}`] : []),
      ...(setup.size > 0 ? [`read in setup what it does not declare: ${[...setup].join(", ")}`] : []),
    ];
    if (told.length > 0) throw new UndeclaredError(told.join("; "));
  }

  /** What was read since the last look. */
  #take(found: Set<string>): void {
    const { root } = this.#setup;
    for (const path of this.#read(this.#mark()).flatMap((text) => this.#undeclaredIn(text)))
      found.add(isBelow(path, root) ? relative(root, path) || "." : path);
    for (const name of this.#variables) found.add(`the variable ${name}`);
    this.#variables.clear();
  }

  #undeclaredIn(text: string): readonly string[] {
    const found = line.exec(text);
    if (found === null) return [];
    const [, call = "", folder, opened, name = "", rest = ""] = found as readonly (string | undefined)[];
    // Of a file that is open already: its opening is what counts.
    if (name === "" || rest.includes("O_WRONLY")) return [];
    const path = resolve(unescape(folder ?? opened ?? this.#scratch), unescape(name));
    const isListing = call.startsWith("open") && !rest.includes("O_PATH");
    if (this.#allowed.has(path) || this.#folders.some((allowed) => isBelow(path, allowed))) return [];
    // What Node looks for on its way to a package.
    if (path.split(sep).includes("node_modules") || basename(path) === "package.json") return [];
    if (ofPython.test(path) || versionFiles.has(basename(path)) || isOfEnvironment(path)) return [];
    if (!isListing && (this.#above.has(path) || isFolder(path))) return [];
    return [path];
  }

  #mark(): string {
    const mark = `${markFolder}/${this.#marks++}`;
    try {
      accessSync(mark);
    } catch {
      // It is not there: only its name counts.
    }
    return mark;
  }

  /** Lines of the trace up to the mark. */
  #read(mark: string): readonly string[] {
    const fd = openSync(join(this.#scratch, traceFile), "r");
    const chunk = Buffer.alloc(1 << 20);
    let text = "";
    try {
      while (!text.includes(`"${mark}"`)) {
        const size = readSync(fd, chunk, 0, chunk.length, this.#at);
        if (size === 0) throw new Error("strace wrote nothing: what was read is not known");
        this.#at += size;
        text += chunk.toString("latin1", 0, size);
      }
    } finally {
      closeSync(fd);
    }
    const end = text.indexOf(`"${mark}"`);
    this.#at -= text.length - end;
    return text.slice(0, end).split("\n");
  }

  #watchVariables(): void {
    const known = new Set(this.#setup.variables);
    const note = (name: string | symbol, target: NodeJS.ProcessEnv) => {
      if (typeof name === "string" && known.has(name) && !Reflect.has(target, name)) this.#variables.add(name);
    };
    process.env = new Proxy(process.env, {
      get: (target, name) => (note(name, target), Reflect.get(target, name) as unknown),
      has: (target, name) => (note(name, target), Reflect.has(target, name)),
      // Written to the real one: it takes whole properties only.
      set: (target, name, value) => Reflect.set(target, name, value),
    });
  }
}

function pathsOf(input: InputOrder): readonly string[] {
  switch (input.kind) {
    case "absent":
      return [];
    case "list":
      return input.members.flatMap(pathsOf);
    case "file":
      return input.path === undefined ? [] : [input.path];
    case "tree":
      return input.files.map(([, path]) => path);
  }
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder + sep);
}

/** Of a virtual environment of Python, also one in the project: what lies in its `bin` and `lib`. */
function isOfEnvironment(path: string): boolean {
  const folders = [...path.matchAll(/\/(bin|lib|lib64)(?=\/|$)/g)].map(({ index }) => path.slice(0, index));
  return folders.some((folder) => statSync(join(folder, "pyvenv.cfg"), { throwIfNoEntry: false })?.isFile() === true);
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Strace shows bytes that are not ASCII as `\303\251`. */
function unescape(text: string): string {
  const bytes = text.replace(/\\(?:([0-7]{1,3})|(.))/g, (_, octal?: string, other?: string) =>
    octal === undefined
      ? ({ n: "\n", t: "\t", r: "\r", v: "\v", f: "\f" }[other!] ?? other!)
      : String.fromCharCode(parseInt(octal, 8)),
  );
  return Buffer.from(bytes, "latin1").toString("utf8");
}
