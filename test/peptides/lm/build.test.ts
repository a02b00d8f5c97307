// The sampler `lm` in builds of the experiment: from its config to the report, and what is made anew after which edit.

import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { readTable } from "expfile/table";
import type { ModelUse } from "../../../rules/peptides/generate.ts";
import { generatedColumns } from "../../../rules/peptides/tables.ts";
import { Rig, type Built } from "../../rig.ts";
import { slurmIsMissing, TestCluster } from "../../slurm/cluster.ts";
import { copyProject } from "../project.ts";
import { needsTorch, noTransformers, pathWithTorch, pythonFolder, standIn } from "./python.ts";

const few = `extends: lm.yaml
generate: { seeds: 2, samples: 3 }
`;
/** Of each arm. */
const draws = 6;

let base: Rig;
beforeAll(() => {
  base = copyProject();
  base.write({ "configs/few.yaml": few });
});
afterAll(() => rmSync(base.root, { recursive: true, force: true }));

function copy(): Rig {
  const root = mkdtempSync(join(tmpdir(), "exp-lm-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  cpSync(base.root, root, { recursive: true, verbatimSymlinks: true });
  return new Rig(root);
}

const env = { PATH: pathWithTorch };
const build = (rig: Rig, args: readonly string[] = ["-c", "few", "generate"], expected = 0): Promise<Built> =>
  rig.build(args, expected, { env });

const rowsOf = (rig: Rig) => readTable({ path: rig.path("runs/few/generate/peptides.parquet") }, generatedColumns);

describe("settings", () => {
  test("a branch for a revision is told at its line, before anything runs", async () => {
    const rig = copy();
    rig.write({
      "configs/hub.yaml": "extends: default.yaml\narms:\n  esm: { sampler: lm, family: esm2, revision: main }\n",
    });
    const { code, stdout, stderr } = await rig.exp("plan", "-c", "hub", "generate");
    expect(code).toBe(2);
    expect(stdout + stderr).toContain(
      `configs/hub.yaml:3:47 arms.esm.revision must be a full commit hash, 40 hexadecimal digits: a branch or a tag may mean other weights tomorrow`,
    );
  });

  test("a model whose file is missing is named", async () => {
    const rig = copy();
    rig.remove("rules/peptides/data/tiny-chain.pt");
    const { code, stdout } = await rig.exp("build", "-c", "few", "generate");
    expect(code).not.toBe(0);
    expect(stdout).toContain("rules/peptides/data/tiny-chain.pt");
  });
});

test("the config in the README is valid, every model pinned", async () => {
  const readme = base.read("rules/peptides/README.md");
  const [, yaml] = /`configs\/models\.yaml`:\n\n```yaml\n([^`]+)```/.exec(readme)!;
  const rig = copy();
  rig.write({ "configs/models.yaml": yaml! });
  const { code, stdout } = await rig.exp("plan", "-c", "models", "generate");
  expect([code, stdout]).toEqual([3, expect.stringContaining("due: ")]);
  expect(yaml!.match(/revision: [0-9a-f]{40}$/gm)).toHaveLength(4);
});

describe.skipIf(pythonFolder === undefined)(`a build (${needsTorch})`, () => {
  let first: Built;
  beforeAll(async () => {
    first = await build(base, ["-c", "few", "analyse"]);
  });

  test("goes from the model through the judges to the report", async () => {
    expect(first.targets).toMatchObject({ generate: "computed", judge: "computed", analyse: "computed" });
    const rows = await rowsOf(base);
    expect(rows).toHaveLength(5 * draws);
    expect(rows.filter(({ sampler }) => sampler === "lm")).toHaveLength(2 * draws);
    for (const { sequence } of rows) expect(sequence).toMatch(/^[ACDEFGHIKLMNPQRSTVWY]{5,}$/);
    const report = base.read("runs/few/analyse/report.md");
    expect(report).toContain("5 settings of a baseline sampler and of language models as they are over 2 seeds");
    expect(report).toContain("Language models as they are (tiny-chain; tiny-masked)");
    expect(report).not.toMatch(/NaN|undefined|\[object|Infinity/);
  });

  test("tells by arm which weights ran on what, and what became of the draws", async () => {
    const uses = JSON.parse(base.read("runs/few/generate/models.json")) as Record<string, ModelUse[]>;
    const all = Object.values(uses).flat();
    expect(all.map(({ model, draws, device }) => [model, draws, device]).sort()).toEqual([
      ["tiny-chain", draws, "cpu"],
      ["tiny-masked", draws, "cpu"],
    ]);
    const rows = await rowsOf(base);
    const ofChain = Object.entries(uses).find(([, [use]]) => use!.model === "tiny-chain")!;
    expect(ofChain[1][0]!.truncated).toBe(rows.filter(({ arm, sequence }) => arm === ofChain[0] && sequence.length === 50).length); // prettier-ignore
    expect(ofChain[1][0]!.excluded).toBeGreaterThan(0);
  });

  test("a draw says how it came about", async () => {
    const shown = await base.start(["show", "generate[25]", "--run", "few", "--json"], { env }).finished;
    expect(shown.code).toBe(0);
    const drawn = JSON.stringify(JSON.parse(shown.stdout));
    for (const word of ["rngSeed", "perplexity", "excluded", "torch", "revision"]) expect(drawn).toContain(word);
  });

  test("nothing changed: nothing runs, torch or not", async () => {
    const again = await base.start(["build", "-c", "few", "analyse"], { env: { PATH: process.env.PATH } }).finished;
    expect(again.stdout).toContain("up to date");
  });

  test("more samples draw what is missing, and what was drawn would be drawn again", async () => {
    const rig = copy();
    const before = await rowsOf(rig);
    rig.edit("configs/few.yaml", "samples: 3", "samples: 4");
    expect((await build(rig)).finished("generate").counts).toMatchObject({ fresh: 5 * draws, computed: 10 });
    for (const row of before) expect(await rowsOf(rig)).toContainEqual(row);
    // In other batches, without what was remembered.
    for (const folder of ["cache", "runs"]) rig.remove(folder);
    await build(rig);
    const anew = new Map((await rowsOf(rig)).map((row) => [row.peptide_id, row]));
    for (const { peptide_id, sequence, provenance, logprob } of before) {
      expect(anew.get(peptide_id)).toMatchObject({ sequence, provenance });
      expect(anew.get(peptide_id)!.logprob).toBeCloseTo(logprob, 4);
    }
  });

  test("an edit of the program in Python makes the draws of language models anew, and nobody else's", async () => {
    const rig = copy();
    rig.edit("rules/peptides/generate/peptide_lm/choose.py", "scores /= request.temperature", "scores = scores / request.temperature"); // prettier-ignore
    const plan = await rig.start(["plan", "-c", "few", "generate"], { env }).finished;
    expect(plan.stdout).toContain("code: text rules/peptides/generate/peptide_lm/choose.py changed");
    expect((await build(rig)).finished("generate").counts).toMatchObject({ fresh: 3 * draws, computed: 2 * draws });
  });

  test("an edit of the n-gram sampler leaves the draws of language models", async () => {
    const rig = copy();
    rig.edit("rules/peptides/science/ngram.ts", "export function trainNgram(", "export function trainNgram(\n"); // No change of code.
    rig.edit("rules/peptides/generate/ngram.recipe.ts", "there is nothing to learn from", "nothing is to be learnt");
    expect((await build(rig)).finished("generate").counts).toMatchObject({ fresh: 2 * draws, computed: 3 * draws });
  });

  test("another file of weights under the same name makes its arm's draws anew", async () => {
    const rig = copy();
    // The same network with other bytes around it.
    const files = readdirSync(rig.path("rules/peptides/data")).filter((name) => name.endsWith(".pt"));
    expect(files.sort()).toEqual(["tiny-chain.pt", "tiny-masked.pt"]);
    const script = "import sys, torch; extra = {'model.json': ''}; net = torch.jit.load(sys.argv[1], _extra_files=extra); extra['other'] = 'x'; torch.jit.save(net, sys.argv[1], _extra_files=extra)"; // prettier-ignore
    execFileSync(join(pythonFolder!, "python3"), ["-c", script, rig.path("rules/peptides/data/tiny-chain.pt")]);
    expect((await build(rig)).finished("generate").counts).toMatchObject({ fresh: 4 * draws, computed: draws });
  });

  test("what it must run on is in the key, and refused elsewhere with what is here", async () => {
    const rig = copy();
    rig.edit("configs/lm.yaml", "procedure: chain }", 'procedure: chain, on: { gpu: "none" } }');
    expect((await build(rig)).finished("generate").counts).toMatchObject({ fresh: 4 * draws, computed: draws });
    rig.edit("configs/lm.yaml", 'gpu: "none"', "gpu: H100");
    const { code, stdout } = await rig.start(["build", "-c", "few", "generate"], { env }).finished;
    expect(code).toBe(1);
    expect(stdout).toContain("it must run on gpu H100; here it is none");
  });

  test("the model is loaded once for the batches of an arm, and the program ends by itself", async () => {
    const rig = copy();
    rig.edit("configs/few.yaml", "samples: 3", "samples: 80");
    rig.edit("rules/peptides/generate/lm-program.ts", "idleMs = 5_000", "idleMs = 60_000");
    rig.edit("rules/peptides/generate/peptide_lm/models.py", "def load(request):", "def load(request):\n    print('LOADS', request.model)"); // prettier-ignore
    await build(rig, ["-c", "few", "generate", "-j", "1"]);
    const folder = rig.path("runs/few/logs/generate");
    const logs = readdirSync(folder).map((name) => rig.read(`runs/few/logs/generate/${name}`)).join(""); // prettier-ignore
    expect(logs.match(/LOADS tiny-\w+/g)!.sort()).toEqual(["LOADS tiny-chain", "LOADS tiny-masked"]);
    expect(logs.match(/draws in/g)!.length).toBeGreaterThanOrEqual(6);
  });

  test("a program that is ended in the middle says how, and what it said last", async () => {
    const rig = copy();
    rig.edit("configs/few.yaml", "seeds: 2", "seeds: [7]");
    rig.edit("rules/peptides/generate/peptide_lm/chain.py", "def draw_chains(model, request):", "def draw_chains(model, request):\n    import os, signal, sys; print('last words', file=sys.stderr); os.kill(os.getpid(), signal.SIGKILL)"); // prettier-ignore
    const { code, stdout } = await rig.start(["build", "-c", "few", "generate"], { env }).finished;
    expect(code).toBe(1);
    expect(stdout).toContain("the program of the language model was ended by SIGKILL. It said last:");
    expect(stdout).toContain("last words");
  });

  test("nothing that it reads is undeclared", async () => {
    const rig = copy();
    rig.edit("configs/few.yaml", "seeds: 2", "seeds: [7]");
    const { code, stdout } = await rig.start(["build", "-c", "few", "generate", "--check-inputs"], { env }).finished;
    expect(stdout).not.toContain("does not declare");
    expect(code).toBe(0);
  });

  describe.skipIf(slurmIsMissing !== undefined)(
    `on a cluster${slurmIsMissing === undefined ? "" : ` (${slurmIsMissing})`}`,
    () => {
      let cluster: TestCluster;
      beforeAll(async () => void (cluster = await TestCluster.start({ cpus: 2, gpus: 1 })));
      afterAll(() => cluster.stop());

      test("the same peptides come out as here", async () => {
        const rig = copy();
        for (const folder of ["cache", "runs"]) rig.remove(folder);
        rig.write({ "exp.local.yaml": "slurm: { poll: 0.3 }\n" });
        const built = await rig.build(["-c", "few", "generate", "--executor", "slurm"], 0, { env: { ...cluster.environment, ...env } }); // prettier-ignore
        expect(built.finished("generate").counts.computed).toBe(5 * draws);
        const essence = async (of: Rig) =>
          (await rowsOf(of)).map((row) => ({ ...row, logprob: row.logprob.toFixed(4) }));
        expect(await essence(rig)).toEqual(await essence(base));
        expect(rig.read("runs/few/generate/models.json")).toBe(base.read("runs/few/generate/models.json"));
      });
    },
  );

  describe("models of the hub, with a stand-in for transformers", () => {
    const hub = `extends: default.yaml
arms:
  esm: { sampler: lm, family: esm2, revision: 08e4846e537177426273712802403f7ba8261b6c, sweeps: 2, length: { max: 12 } }
generate: { seeds: 2, samples: 3 }
`;
    const hubRig = () => {
      const rig = copy();
      rig.write({ "configs/hub.yaml": hub });
      return rig;
    };

    test("wants a GPU, or the word that there is a place for one", async () => {
      const { stdout } = await hubRig().start(["build", "-c", "hub", "generate"], { env }).finished;
      expect(stdout).toContain('needs 1 of "gpu", and there are 0');
    });

    test("wants transformers of the declared version", async () => {
      const args = ["build", "-c", "hub", "generate", "--limit", "gpu=1"];
      const { stdout } = await hubRig().start(args, { env: { ...env, PYTHONPATH: noTransformers } }).finished;
      expect(stdout).toMatch(
        /python:torch 2 is needed here, found|python:transformers is needed and was not found here/,
      );
    });

    test("draws with the model's revision in the provenance, and another revision draws anew", async () => {
      const rig = hubRig();
      // Workers see of the environment nothing but the PATH: a Python of its own, as a virtual environment has.
      rig.write({ "bin/python3": `#!/bin/sh\nPYTHONPATH=${standIn} exec ${join(pythonFolder!, "python3")} "$@"\n` });
      chmodSync(rig.path("bin/python3"), 0o755);
      const torch = execFileSync(join(pythonFolder!, "python3"), ["-c", "import torch; print(torch.__version__)"], { encoding: "utf8" }); // prettier-ignore
      rig.edit("rules/peptides/generate.ts", '"python:torch": "2"', `"python:torch": "${torch.split(".")[0]}"`);
      const args = ["-c", "hub", "generate", "--limit", "gpu=1"];
      const hubEnv = { PATH: `${rig.path("bin")}:${pathWithTorch}` };
      expect((await rig.build(args, 0, { env: hubEnv })).finished("generate").counts.computed).toBe(draws);
      const models = JSON.parse(rig.read("runs/hub/generate/models.json")) as Record<string, ModelUse[]>;
      expect(Object.values(models)).toMatchObject([
        [{ model: "facebook/esm2_t33_650M_UR50D", revision: "08e4846e537177426273712802403f7ba8261b6c", transformers: "5.99.0", draws }], // prettier-ignore
      ]);
      rig.edit("configs/hub.yaml", "08e4846e", "18e4846e");
      expect((await rig.build(args, 0, { env: hubEnv })).finished("generate").counts.computed).toBe(draws);
    });
  });
});
