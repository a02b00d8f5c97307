// doit, Snakemake: from Python, by content.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Tool } from "../tool.ts";
import { firstInput, inputsOf } from "../workload.ts";
import { versionOf } from "./version.ts";

export function pythonTools(): readonly Tool[] {
  return [
    {
      name: "doit",
      version: versionOf("doit", ["--version"]),
      most: 1000,
      prepare(folder, { targets }) {
        mkdirSync(join(folder, "out"));
        const rows = targets.map((target) => JSON.stringify([target.name, inputsOf(target), firstInput(target)]));
        writeFileSync(
          join(folder, "dodo.py"),
          `import json\nDOIT_CONFIG = {"backend": "json", "verbosity": 0, "reporter": "zero"}\nROWS = json.loads('[${rows.join(",")}]')\n\ndef task_t():\n    for name, inputs, first in ROWS:\n        yield {"name": name, "actions": [f"cp {first} out/{name}"], "file_dep": inputs, "targets": [f"out/{name}"]}\n`,
        );
      },
      build: { argv: ["doit", "-n", "2", "-P", "thread"] },
      outputs: ["out"],
      memory: [".doit.db", ".doit.db.json", ".doit.json"],
      restores: false,
    },
    {
      name: "Snakemake",
      version: versionOf("snakemake", ["--version"]),
      most: 1000,
      prepare(folder, { targets }) {
        mkdirSync(join(folder, "out"));
        const rules = targets.map((target) => {
          const inputs = inputsOf(target).map((path) => JSON.stringify(path));
          return `rule ${target.name}:\n    input: ${inputs.join(", ")}\n    output: "out/${target.name}"\n    shell: "cp ${firstInput(target)} {output}"\n`;
        });
        const all = targets.map(({ name }) => `"out/${name}"`).join(", ");
        writeFileSync(join(folder, "Snakefile"), `rule all:\n    input: ${all}\n${rules.join("")}`);
      },
      build: { argv: ["snakemake", "-j2", "--quiet", "all", "--nolock"], env: { HOME: "/tmp" } },
      plan: { argv: ["snakemake", "-n", "--quiet", "all"], env: { HOME: "/tmp" } },
      outputs: ["out"],
      memory: [".snakemake"],
      restores: false,
    },
  ];
}
