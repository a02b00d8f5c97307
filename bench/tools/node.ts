// Turborepo, wireit, Nx: by content, with a cache. Installed by npm into a folder of the benchmark's own.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Tool } from "../tool.ts";
import { firstInput, inputsOf, type BenchTarget } from "../workload.ts";

/** As they were measured last; raise them with a new run. */
const versions = { turbo: "2.11.11", bun: "1.4.5", wireit: "0.14.13", nx: "24.0.6", node: "24.21.0" };

export interface NodePeers {
  readonly tools: readonly Tool[];
  /** The Node that is not this one, if it could be had. */
  readonly otherNode: string | undefined;
}

export function nodePeers(scratch: string, programs: string | undefined): NodePeers {
  const home = programs ?? join(scratch, "peers");
  const modules = join(home, "node_modules");
  if (programs === undefined) {
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, "package.json"), '{"private":true}');
    const wanted = Object.entries(versions).map(([name, version]) => `${name}@${version}`);
    spawnSync("npm", ["install", "--no-audit", "--no-fund", ...wanted], { cwd: home, stdio: "ignore" });
  }
  const has = (name: string) => {
    const file = join(modules, name, "package.json");
    return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version : undefined;
  };
  const path = `${join(modules, ".bin")}:${process.env.PATH ?? ""}`;
  const missing = "npm could not install it";
  const node = process.execPath;
  const tools: readonly Tool[] = [
    {
      name: "Turborepo",
      version: has("bun") && has("turbo"),
      missing,
      most: 1000,
      prepare(folder, workload) {
        write(folder, "package.json", {
          name: "bench",
          private: true,
          workspaces: ["p/*"],
          packageManager: `bun@${versions.bun}`,
        });
        write(folder, "turbo.json", {
          tasks: { build: { dependsOn: ["^build"], inputs: ["src.txt"], outputs: ["out.txt"] } },
        });
        eachPackage(folder, workload.targets, (target) => ({
          "package.json": {
            name: target.name,
            version: "1.0.0",
            scripts: { build: `cp ${inPackage(target)} out.txt` },
            dependencies: Object.fromEntries(target.reads.map((index) => [`t${index}`, "workspace:*"])),
          },
        }));
      },
      build: {
        argv: [join(modules, ".bin", "turbo"), "run", "build", "--concurrency=2", "--output-logs=errors-only"],
        env: { PATH: path, TURBO_TELEMETRY_DISABLED: "1", TURBO_NO_UPDATE_NOTIFIER: "1" },
      },
      plan: {
        argv: [join(modules, ".bin", "turbo"), "run", "build", "--dry=json"],
        env: { PATH: path, TURBO_TELEMETRY_DISABLED: "1", TURBO_NO_UPDATE_NOTIFIER: "1" },
      },
      outputs: ["p/*/out.txt"],
      memory: [".turbo", "node_modules/.cache", "p/*/.turbo"],
      restores: true,
      sourceAt: sourceInPackage,
    },
    {
      name: "wireit",
      version: has("wireit"),
      missing,
      most: 1000,
      prepare(folder, { targets }) {
        mkdirSync(join(folder, "out"));
        symlinkSync(modules, join(folder, "node_modules"));
        const scripts = targets.map((target): [string, object] => [
          target.name,
          {
            command: `cp ${firstInput(target)} out/${target.name}`,
            dependencies: target.reads.map((index) => `t${index}`),
            files: target.source === undefined ? [] : [target.source],
            output: [`out/${target.name}`],
          },
        ]);
        const all = { dependencies: targets.map(({ name }) => name) };
        write(folder, "package.json", {
          name: "bench",
          scripts: { ...Object.fromEntries(targets.map(({ name }) => [name, "wireit"])), all: "wireit" },
          wireit: { ...Object.fromEntries(scripts), all },
        });
      },
      build: {
        argv: ["/bin/sh", "-c", `npm_package_json="$PWD/package.json" exec ${node} ${modules}/wireit/bin/wireit.js`],
        env: {
          PATH: path,
          npm_lifecycle_event: "all",
          npm_config_user_agent: "npm/10 node",
          WIREIT_PARALLEL: "2",
          WIREIT_LOGGER: "quiet-ci",
        },
      },
      outputs: ["out"],
      memory: [".wireit"],
      restores: true,
    },
    {
      name: "Nx",
      version: has("nx"),
      missing,
      most: 1000,
      prepare(folder, workload) {
        symlinkSync(modules, join(folder, "node_modules"));
        write(folder, "package.json", { name: "bench", private: true });
        write(folder, "nx.json", {
          targetDefaults: {
            build: {
              cache: true,
              dependsOn: ["^build"],
              inputs: ["{projectRoot}/src.txt", "^default"],
              outputs: ["{projectRoot}/out.txt"],
            },
          },
          namedInputs: { default: ["{projectRoot}/src.txt"] },
        });
        eachPackage(folder, workload.targets, (target) => ({
          "project.json": {
            name: target.name,
            implicitDependencies: target.reads.map((index) => `t${index}`),
            targets: {
              build: {
                executor: "nx:run-commands",
                options: { command: `cp ${inPackage(target)} out.txt`, cwd: `p/${target.name}` },
              },
            },
          },
        }));
      },
      build: {
        argv: [join(modules, ".bin", "nx"), "run-many", "-t", "build", "--parallel=2"],
        env: { PATH: path, NX_DAEMON: "false", NX_NO_CLOUD: "true", NX_TUI: "false", CI: "true" },
      },
      plan: {
        argv: [join(modules, ".bin", "nx"), "run-many", "-t", "build", "--graph=plan.json"],
        env: { PATH: path, NX_DAEMON: "false", NX_NO_CLOUD: "true", NX_TUI: "false", CI: "true" },
      },
      outputs: ["p/*/out.txt"],
      memory: [".nx"],
      restores: true,
      sourceAt: sourceInPackage,
    },
  ];
  const otherNode = join(modules, "node", "bin", "node");
  return { tools, otherNode: existsSync(otherNode) ? otherNode : undefined };
}

function write(folder: string, name: string, content: object): void {
  writeFileSync(join(folder, name), JSON.stringify(content));
}

/** These tools have a package for each target; its source lies in it. */
function eachPackage(
  folder: string,
  targets: readonly BenchTarget[],
  filesOf: (target: BenchTarget) => Readonly<Record<string, object>>,
): void {
  for (const target of targets) {
    const place = join(folder, "p", target.name);
    mkdirSync(place, { recursive: true });
    for (const [name, content] of Object.entries(filesOf(target))) write(place, name, content);
    if (target.source !== undefined) writeFileSync(join(place, "src.txt"), `of ${target.source}\n`);
  }
}

function inPackage(target: BenchTarget): string {
  return target.source === undefined ? `../${inputsOf(target)[0]!.replace("out/", "")}/out.txt` : "src.txt";
}

function sourceInPackage(source: string, { targets }: { readonly targets: readonly BenchTarget[] }): string {
  return `p/${targets.find((target) => target.source === source)!.name}/src.txt`;
}
