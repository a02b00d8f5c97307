// The sampler with the real transformers on a real GPU: what a stand-in on a processor cannot tell.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repository } from "../../rig.ts";
import { pythonFolder } from "./python.ts";

const python = join(pythonFolder ?? "", "python3");
const probe = "import torch, transformers, sys; sys.exit(not torch.cuda.is_available())";
const hasGpu = pythonFolder !== undefined && spawnSync(python, ["-c", probe]).status === 0;

test.skipIf(!hasGpu)(
  "models of the hub's architectures draw alike in every batch, each time and in every process (needs a GPU, torch and transformers)",
  { timeout: 600_000 },
  () => {
    const script = join(repository, "test/peptides/lm/on_gpu.py");
    const { stdout, stderr, status } = spawnSync(python, ["-B", script, "small"], { encoding: "utf8" });
    expect([status, stdout, status === 0 ? "" : stderr]).toEqual([0, expect.stringMatching(/\n0 faults\n$/), ""]);
  },
);
