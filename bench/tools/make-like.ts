// make, ninja: they compare times, and keep nothing.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Tool } from "../tool.ts";
import { firstInput, inputsOf } from "../workload.ts";
import { versionOf } from "./version.ts";

export function makeTools(): readonly Tool[] {
  return [
    {
      name: "make",
      version: versionOf("make", ["--version"]),
      most: 100_000,
      prepare(folder, workload) {
        mkdirSync(join(folder, "out"));
        const rules = workload.targets.map(
          (target) => `out/${target.name}: ${inputsOf(target).join(" ")}\n\tcp ${firstInput(target)} $@\n`,
        );
        const all = workload.targets.map(({ name }) => `out/${name}`).join(" ");
        writeFileSync(join(folder, "Makefile"), `all: ${all}\n.PHONY: all\n${rules.join("")}`);
      },
      build: { argv: ["make", "-s", "-r", "-R", "-j2"] },
      plan: { argv: ["make", "-s", "-r", "-R", "-n"] },
      outputs: ["out"],
      memory: [],
      restores: false,
    },
    {
      name: "ninja",
      version: versionOf("ninja", ["--version"]),
      most: 100_000,
      prepare(folder, workload) {
        mkdirSync(join(folder, "out"));
        const builds = workload.targets.map(
          (target) => `build out/${target.name}: cp ${inputsOf(target).join(" ")}\n  first = ${firstInput(target)}\n`,
        );
        writeFileSync(join(folder, "build.ninja"), `rule cp\n  command = cp $first $out\n${builds.join("")}`);
      },
      build: { argv: ["ninja", "--quiet", "-j2"] },
      plan: { argv: ["ninja", "--quiet", "-n"] },
      outputs: ["out"],
      memory: [".ninja_log", ".ninja_deps"],
      restores: false,
    },
  ];
}
