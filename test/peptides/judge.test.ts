import { describe, expect, test } from "vitest";
import { readTable, writeTable } from "expfile/table";
import { recipe as noveltyGate } from "../../rules/peptides/gates/novelty.recipe.ts";
import { recipe as descriptors } from "../../rules/peptides/judge/descriptors.recipe.ts";
import { recipe as merge } from "../../rules/peptides/judge/merge.recipe.ts";
import { recipe as novelty } from "../../rules/peptides/judge/novelty.recipe.ts";
import { recipe as split } from "../../rules/peptides/judge/split.recipe.ts";
import { judgeContract, type Score } from "../../rules/peptides/judge.ts";
import { levenshteinSimilarity } from "../../rules/peptides/science/levenshtein.ts";
import { generatedColumns, scoreColumns, sequenceColumns } from "../../rules/peptides/tables.ts";
import { emptyFolder, Handle, outputsOf, runFanOut, runItem, runRecipe } from "./fake-context.ts";

const MAGAININ = "GIGKFLHSAKKFGKAFVGEIMNS";
const MELITTIN = "GIGAVLKVLTTGLPALISWIKRKRQQ";
const settings = (section: object = {}) => judgeContract.config.parse(section);

async function tableFile(
  columns: typeof generatedColumns | typeof sequenceColumns,
  rows: readonly object[],
): Promise<Handle> {
  const handle = new Handle(new Handle(emptyFolder()).file("table.parquet"));
  await writeTable(handle, columns, rows as never);
  return handle;
}

const generated = (sequences: readonly string[]) =>
  tableFile(
    generatedColumns,
    sequences.map((sequence, index) => ({
      peptide_id: `p${index}`,
      arm: "a",
      seed: 1,
      index,
      sequence,
      logprob: -1,
      sampler: "ngram",
      provenance: "",
    })),
  );
const referenceOf = (sequences: readonly string[]) =>
  tableFile(sequenceColumns, sequences.map((sequence, i) => ({ peptide_id: `r${i}`, sequence }))); // prettier-ignore

async function judge(sequences: readonly string[], reference: readonly string[], section: object = {}) {
  const inputs = { peptides: await generated(sequences), reference: await referenceOf(reference) };
  return runFanOut(
    judgeContract,
    { split, recipes: { descriptors, novelty }, merge },
    { config: settings(section) },
    inputs,
  );
}

async function describePeptide(sequence: string, section: object = {}): Promise<Readonly<Record<string, Score>>> {
  const outputs = await runItem(
    descriptors,
    { config: settings({ descriptors: section }), item: { sequence } },
    judgeContract.items.outputs,
  );
  const scores: readonly Score[] = await outputs.scores!.read();
  return Object.fromEntries(scores.map((score) => [score.metric, score]));
}

describe("the items", () => {
  test("one for each judge and distinct sequence; more peptides only add some", async () => {
    const asked = async (sequences: readonly string[]) =>
      (await judge(sequences, [MELITTIN])).items.map(({ recipe, item }) => ({ recipe, item }));
    const few = await asked([MAGAININ, "KLAKL", MAGAININ]);
    expect(few).toEqual([
      { recipe: "descriptors", item: { sequence: MAGAININ } },
      { recipe: "descriptors", item: { sequence: "KLAKL" } },
      { recipe: "novelty", item: { sequence: MAGAININ } },
      { recipe: "novelty", item: { sequence: "KLAKL" } },
    ]);
    const many = await asked([MAGAININ, "KLAKL", "RRWWR"]);
    expect(many).toHaveLength(6);
    for (const item of few) expect(many).toContainEqual(item);
  });

  test("only judges that compare are handed the reference, so that it makes no other stale", async () => {
    const inputs = { peptides: await generated(["KLAKL"]), reference: await referenceOf([MELITTIN]) };
    const requests = (await runRecipe(split, { config: settings(), inputs })) as readonly {
      recipe: string;
      inputs?: object;
    }[];
    expect(requests.map(({ recipe, inputs: handed }) => [recipe, Object.keys(handed ?? {})])).toEqual([
      ["descriptors", []],
      ["novelty", ["reference"]],
    ]);
  });
});

describe("descriptors", () => {
  // Magainin-2: values on which the public tools agree, within the tolerance of their tables.
  test("of magainin-2 are those of the literature", async () => {
    const found = await describePeptide(MAGAININ, { pH: 7 });
    const near = (metric: string, expected: number, digits: number): void =>
      expect(found[metric]!.value, metric).toBeCloseTo(expected, digits);
    expect(found.length).toEqual({ metric: "length", value: 23, unit: "residues", note: null });
    near("molecular-weight", 2466.9, 1);
    near("gravy", 0.0826, 3);
    near("hydrophobic-moment", 0.6862, 4);
    near("aliphatic-index", 72.1739, 3);
    near("aromaticity", 3 / 23, 10);
    expect(Object.keys(found)).toHaveLength(10);
  });

  test("pH, pK values, mass and caps are those that the config names", async () => {
    const plain = await describePeptide(MAGAININ);
    expect((await describePeptide(MAGAININ, { pH: 3 }))["net-charge"]!.value).toBeGreaterThan(
      plain["net-charge"]!.value!,
    );
    expect((await describePeptide(MAGAININ, { pka: "Stryer" }))["net-charge"]!.value).not.toBe(
      plain["net-charge"]!.value,
    );
    const amide = await describePeptide(MAGAININ, { termini: { cTerm: "amide" } });
    expect(amide["net-charge"]!.value! - plain["net-charge"]!.value!).toBeCloseTo(1, 2);
    expect(amide["molecular-weight"]!.value! - plain["molecular-weight"]!.value!).toBeCloseTo(-0.98, 2);
  });

  test.each([
    ["KLAXL", "gravy", "unknown residue X"],
    ["KLAXL", "instability-index", "unknown residue X"],
    ["K", "instability-index", "needs at least 2 residues, has 1"],
    ["", "length", "the sequence is empty"],
  ])("what does not apply to %j has no value and says why: %s", async (sequence, metric, note) => {
    expect((await describePeptide(sequence))[metric]).toEqual({ metric, value: null, unit: "", note });
  });
});

describe("novelty", () => {
  const closeness = async (sequence: string, reference: readonly string[], section: object = {}) => {
    const { outputs } = await judge([sequence], reference, { judges: ["novelty"], ...section });
    const [edit, alignment] = await readTable(outputs.scores, scoreColumns);
    return { edit: edit!, alignment: alignment! };
  };

  test("a copy is as close as can be, and the closest one is named", async () => {
    const { edit, alignment } = await closeness(MELITTIN, [MAGAININ, MELITTIN]);
    expect([edit.value, alignment.value, alignment.note]).toEqual([1, 1, `closest: ${MELITTIN}`]);
  });

  test("a part of a known peptide is a copy to the alignment and not by edits", async () => {
    const part = MELITTIN.slice(4, 18);
    const { edit, alignment } = await closeness(part, [MAGAININ, MELITTIN]);
    expect(alignment.value).toBe(1);
    expect(edit.value).toBe(levenshteinSimilarity(part, MELITTIN));
  });

  test("no reference, or an unknown residue: no value, with the reason", async () => {
    const nothing = await closeness(MAGAININ, []);
    expect([nothing.edit.value, nothing.edit.note]).toEqual([null, "the reference is empty"]);
    const strange = await closeness("KLXKL", [MELITTIN]);
    expect([strange.alignment.value, strange.alignment.note]).toEqual([null, "unknown residue X"]);
  });

  test("gaps cost what the config says", async () => {
    const gapped = MELITTIN.slice(0, 8) + MELITTIN.slice(15);
    const { alignment: blast } = await closeness(gapped, [MELITTIN]);
    const { alignment: emboss } = await closeness(gapped, [MELITTIN], { novelty: { gaps: "emboss" } });
    expect(emboss.value).toBeGreaterThan(blast.value!);
  });
});

describe("the table", () => {
  test("has every metric of every peptide, repeats too, in the order of the peptides", async () => {
    const { outputs } = await judge([MAGAININ, "KLAKL", MAGAININ], [MELITTIN]);
    const rows = await readTable(outputs.scores, scoreColumns);
    expect(rows).toHaveLength(3 * 12);
    expect([...new Set(rows.map(({ peptide_id }) => peptide_id))]).toEqual(["p0", "p1", "p2"]);
    const values = (id: string) =>
      rows.filter(({ peptide_id }) => peptide_id === id).map(({ metric, value }) => [metric, value]);
    expect(values("p2")).toEqual(values("p0"));
  });
});

describe("the gate on novelty", () => {
  const conditions = async (sequences: readonly string[], section: object = {}) => {
    const { outputs } = await judge(sequences, [MELITTIN]);
    return (await runRecipe(noveltyGate, {
      config: { below: 0.8, share: 0.9, ...section },
      inputs: outputs,
    })) as readonly { value: number; threshold: number }[];
  };

  test("is the share of peptides that are no near copies", async () => {
    expect(await conditions([MELITTIN, MELITTIN.slice(1), MAGAININ, "KLAKL"])).toMatchObject([
      { value: 0.5, operator: ">=", threshold: 0.9 },
    ]);
    expect(await conditions([MELITTIN, MAGAININ], { below: 1 })).toMatchObject([{ value: 0.5 }]);
  });

  test("cannot be asked without the judge", async () => {
    const scores = outputsOf(judgeContract.outputs).scores;
    await writeTable(scores, scoreColumns, []);
    await expect(
      runRecipe(noveltyGate as never, { config: { below: 0.8, share: 0.9 }, inputs: { scores } }),
    ).rejects.toThrow('add "novelty" to judge.judges');
  });
});
