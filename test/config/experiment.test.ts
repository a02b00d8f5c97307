import { expect, test } from "vitest";
import { chooseExperiment } from "../../src/planning/config/header.ts";
import { readConfig, resolveConfig } from "../../src/planning/config/load.ts";
import { recordReads } from "../../src/planning/config/reads.ts";
import { loaded, readIn, root, screen, valueOf } from "./rig.ts";

const read = (files: Record<string, string>, overrides: string[] = []) =>
  readConfig({ root, file: "configs/default.yaml", overrides, readFile: readIn(files) });
const experiments = ["peptides", "proteins"];

test("the experiment is known before its targets are, wherever it was said", () => {
  const files = {
    "configs/default.yaml": "extends: base.yaml\nversion: 7\n",
    "configs/base.yaml": "experiment: proteins\n",
  };
  expect(chooseExperiment(valueOf(read(files)).tree, experiments)).toEqual({ ok: true, value: "proteins" });
  expect(chooseExperiment(valueOf(read(files, ["experiment=peptides"])).tree, experiments)).toEqual({
    ok: true,
    value: "peptides",
  });
  expect(chooseExperiment(valueOf(read({ "configs/default.yaml": "" })).tree, experiments)).toEqual({
    ok: true,
    value: "peptides",
  });
});

test("an experiment that the Expfile does not have gets a suggestion", () => {
  expect(screen(chooseExperiment(valueOf(read({ "configs/default.yaml": "experiment: peptide\n" })).tree, experiments)))
    .toMatchInlineSnapshot(`
    "configs/default.yaml:1:13 the Expfile has no experiment "peptide"
      1 │ experiment: peptide
        │             ^^^^^^^
      Did you mean "peptides"?"
  `);
  expect(screen(chooseExperiment(loaded("seed: 1\n").tree, []))).toMatchInlineSnapshot(`
    "configs/default.yaml:1:1 the Expfile has no experiment
      1 │ seed: 1
        │ ^^^^^^^"
  `);
});

test("sections are judged only once they are known", () => {
  const source = valueOf(read({ "configs/default.yaml": "fold: { n: 1 }\n" }));
  expect(resolveConfig(source, new Map([["fold", []]])).ok).toBe(true);
  expect(screen(resolveConfig(source, new Map([["gold", []]])))).toMatchInlineSnapshot(`
    "configs/default.yaml:1:1 unknown key "fold" at the top of the config
      1 │ fold: { n: 1 }
        │ ^^^^
      Did you mean "gold"?"
  `);
});

test("the header says what the experiment is, with a seed of 1 if nobody said", () => {
  expect(loaded("notes: a try\n").header).toEqual({
    experiment: undefined,
    notes: { what: "a try" },
    seed: 1,
    control: undefined,
  });
  expect(loaded("notes: { why: x, hypothesis: y }\nseed: 7\ncontrol: c\nexperiment: peptides\n").header).toEqual({
    experiment: "peptides",
    notes: { why: "x", hypothesis: "y" },
    seed: 7,
    control: "c",
  });
});

test("the files of a load that failed are known to whoever wraps the reader", () => {
  const recorder = recordReads(readIn({ "configs/default.yaml": "extends: gone.yaml\n" }));
  expect(readConfig({ root, file: "configs/default.yaml", overrides: [], readFile: recorder.readFile }).ok).toBe(false);
  expect(recorder.reads().map(({ path, present }) => [path, present])).toEqual([
    ["/project/configs/default.yaml", true],
    ["/project/configs/gone.yaml", false],
  ]);
});

test("what cannot be read is said, and what nobody foresaw is thrown", () => {
  const refusing = (code: string) => () => {
    throw Object.assign(new Error(code), { code });
  };
  const load = (code: string) => readConfig({ root, file: "configs", overrides: [], readFile: refusing(code) });
  expect(screen(load("EISDIR"))).toBe("configs: configs is a folder, not a config");
  expect(() => load("EIO")).toThrow("EIO");
});
