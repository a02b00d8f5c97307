import { describe, expect, test } from "vitest";
import { readTable, writeTable } from "expfile/table";
import { armSettings, type ArmSettings, type NgramSettings } from "../../rules/peptides/arms.ts";
import { recipe as merge } from "../../rules/peptides/generate/merge.recipe.ts";
import { recipe as ngram } from "../../rules/peptides/generate/ngram.recipe.ts";
import { recipe as split } from "../../rules/peptides/generate/split.recipe.ts";
import { generateContract, type Draw, type DrawRequest } from "../../rules/peptides/generate.ts";
import { isCanonical } from "../../rules/peptides/science/alphabet.ts";
import { generatedColumns, sequenceColumns } from "../../rules/peptides/tables.ts";
import { armOf } from "../../src/planning/config/arms.ts";
import { emptyFolder, Handle, runFanOut, runItem, runRecipe, type Item } from "./fake-context.ts";

const training = ["KLAKLAKKLAKLAK", "GIGKFLHSAKKFGKAFVGEIMNS", "KWKLFKKIEKVGQNIRDGI", "RRWWRRWWR", "GLFDIVKKVVGALGSL"];

async function slicesOf(slices: Readonly<Record<string, readonly string[]>>): Promise<Handle> {
  const folder = new Handle(emptyFolder());
  for (const [name, sequences] of Object.entries(slices)) {
    const rows = sequences.map((sequence, i) => ({ peptide_id: String(i), sequence }));
    await writeTable({ path: folder.file(`${name}.parquet`) }, sequenceColumns, rows);
  }
  return folder;
}

interface Asked {
  readonly arms?: readonly object[];
  readonly config?: object;
  readonly seed?: number;
  readonly slices?: Readonly<Record<string, readonly string[]>>;
}

const armsOf = (arms: readonly object[]) => arms.map((arm) => armOf(armSettings.parse({ sampler: "ngram", ...arm })));

async function generate({ arms = [{}, { order: 0 }], config = {}, seed = 1, slices = { all: training } }: Asked = {}) {
  const told = { config: generateContract.config.parse({ seeds: 2, samples: 3, ...config }), arms: armsOf(arms), seed };
  return runFanOut(generateContract, { split, recipes: { ngram }, merge }, told, { slices: await slicesOf(slices) });
}

const requestsOf = (items: readonly Item[]): readonly unknown[] =>
  items.map(({ item, settings }) => ({ item, settings }));
const drawsOf = (items: readonly Item[]): Promise<readonly Draw[]> =>
  Promise.all(items.map(({ outputs }) => outputs.draw!.read() as Promise<Draw>));

describe("the items", () => {
  test("are each arm × each seed × each index, and their random seeds differ", async () => {
    const { items } = await generate();
    const asked = items.map(({ item }) => item as DrawRequest);
    expect(asked).toHaveLength(2 * 2 * 3);
    expect(asked.slice(0, 4).map(({ seed, index }) => [seed, index])).toEqual([[1, 1], [1, 2], [1, 3], [2, 1]]); // prettier-ignore
    expect(new Set(asked.map(({ rngSeed }) => rngSeed)).size).toBe(12);
  });

  test("more samples, seeds or arms only add items", async () => {
    const few = requestsOf((await generate()).items);
    const many = requestsOf(
      (await generate({ arms: [{ order: 0 }, {}, { order: 1 }], config: { seeds: 3, samples: 5 } })).items,
    );
    expect(many).toHaveLength(3 * 3 * 5);
    for (const request of few) expect(many).toContainEqual(request);
  });

  test("seeds may be named: the same numbers, the same items", async () => {
    expect(requestsOf((await generate({ config: { seeds: [1, 2] } })).items)).toEqual(
      requestsOf((await generate()).items),
    );
  });

  test("another run seed draws others", async () => {
    const [draws, others] = await Promise.all(
      [generate(), generate({ seed: 2 })].map(async (made) => drawsOf((await made).items)),
    );
    expect(draws!.map(({ sequence }) => sequence)).not.toEqual(others!.map(({ sequence }) => sequence));
  });

  test("a slice that prepare does not make is an error that says which there are", async () => {
    await expect(
      generate({ arms: [{ slice: "shufled" }], slices: { all: training, shuffled: training } }),
    ).rejects.toThrow(
      'an arm is trained on the slice "shufled", which prepare does not make. Did you mean "shuffled"? The slices are "all", "shuffled"; add one under prepare.slices.',
    );
  });
});

describe("a draw", () => {
  test("is the same whenever it is drawn, and says how it came about", async () => {
    const [first, second] = await Promise.all(
      [generate(), generate()].map(async (made) => drawsOf((await made).items)),
    );
    expect(first).toEqual(second);
    const { sequence, logprob, how } = first![0]!;
    expect(isCanonical(sequence)).toBe(true);
    expect(logprob).toBeLessThan(0);
    expect(how).toMatchObject({
      settings: { sampler: "ngram" },
      training: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      truncated: false,
    });
  });

  test("other training data give it another provenance", async () => {
    const provenance = async (slices: Asked["slices"]) =>
      (await drawsOf((await generate({ slices })).items)).map((draw) => draw.provenance);
    const before = await provenance({ all: training });
    const after = await provenance({ all: training.slice(1) });
    expect(new Set([...before, ...after]).size).toBe(before.length + after.length);
  });

  test("has a length of the training peptides, unless the arm says otherwise", async () => {
    const lengths = async (length?: object) => {
      const { items } = await generate({ arms: [length === undefined ? {} : { length }], config: { samples: 40 } });
      return (await drawsOf(items)).map(({ sequence }) => sequence.length);
    };
    const known = training.map(({ length }) => length);
    expect((await lengths()).every((length) => known.includes(length))).toBe(true);
    expect(new Set(await lengths({ kind: "uniform", min: 7, max: 8 }))).toEqual(new Set([7, 8]));
    expect(Math.max(...(await lengths({ kind: "model", min: 5, max: 12 })))).toBeLessThanOrEqual(12);
  });

  test("an empty slice is an error that names it", async () => {
    await expect(generate({ slices: { all: [] } })).rejects.toThrow('the slice "all" is empty');
  });

  test("a worker's setup serves many items and is left as it was", async () => {
    const { items } = await generate({ arms: [{}], config: { samples: 5 } });
    const slices = await slicesOf({ all: training });
    const inputs = { training: new Handle(slices.file("all.parquet")) };
    for (const [i, { item, settings }] of items.entries()) {
      const alone = await runItem(ngram, { item, settings, inputs }, generateContract.items.outputs);
      expect(await alone.draw!.read()).toEqual((await drawsOf(items))[i]);
    }
  });
});

describe("the table", () => {
  test("has a row for each draw, with ids that hang on nothing else", async () => {
    const few = await readTable((await generate()).outputs.peptides, generatedColumns);
    const many = await readTable((await generate({ config: { samples: 4 } })).outputs.peptides, generatedColumns);
    expect(few).toHaveLength(12);
    expect(new Set(many.map((row) => row.peptide_id)).size).toBe(16);
    for (const row of few) expect(many).toContainEqual(row);
  });

  test("names arms by id only; their settings lie beside it", async () => {
    const { outputs } = await generate();
    const rows = await readTable(outputs.peptides, generatedColumns);
    const settings = (await outputs.arms.read()) as Readonly<Record<string, ArmSettings>>;
    expect(Object.keys(settings).sort()).toEqual([...new Set(rows.map(({ arm }) => arm))].sort());
    expect(Object.values(settings).map((one) => (one as NgramSettings).order).sort()).toEqual([0, 2]); // prettier-ignore
  });
});

test.each([
  [{ order: 6 }, "order"],
  [{ temperature: 0 }, "temperature"],
  [{ discount: 1 }, "discount"],
  [{ length: { kind: "uniform", min: 9, max: 8 } }, "min must not be above max"],
  [{ sampler: "gru" }, "sampler"],
  [{ tempreture: 1 }, "tempreture"],
])("settings that mean nothing are refused: %j", (settings, word) => {
  expect(armSettings.safeParse({ sampler: "ngram", ...settings }).error?.message).toContain(word);
});

const commit = "08e4846e537177426273712802403f7ba8261b6c";

test.each([
  [{}, "family"],
  [{ family: "esm2" }, "revision"],
  [{ family: "esm2", revision: "main" }, "a branch or a tag may mean other weights tomorrow"],
  [{ family: "esm2", revision: commit.slice(0, 12) }, "must be a full commit hash, 40 hexadecimal digits"],
  [{ family: "esm2", revision: commit, model: "esm2" }, "OWNER/NAME"],
  [{ family: "esm2", revision: commit, sweeps: 0 }, "sweeps"],
  [{ family: "esm2", revision: commit, repetitionPenalty: 2 }, "repetitionPenalty"],
  [{ family: "protgpt2", revision: commit, maskFraction: 0.5 }, "maskFraction"],
  [{ family: "pepmlm", revision: commit }, "target"],
  [{ family: "pepmlm", revision: commit, target: "MK-TA" }, "one-letter codes"],
  [{ family: "file", model: "mine" }, "procedure"],
  [{ family: "file", model: "mine", procedure: "chain", revision: commit }, "revision"],
  [{ family: "file", model: "mine", procedure: "chain", length: { min: 9, max: 8 } }, "must not have min above max"],
  [{ family: "file", model: "mine", procedure: "chain", slice: "all" }, "slice"],
])("settings of a language model that mean nothing are refused: %j", (settings, word) => {
  expect(armSettings.safeParse({ sampler: "lm", ...settings }).error?.message).toContain(word);
});

test("the models of the hub have their authors' defaults", () => {
  const of = (settings: object) => armSettings.parse({ sampler: "lm", revision: commit, ...settings });
  expect(of({ family: "protgpt2" })).toMatchObject({ model: "nferruz/ProtGPT2", topK: 950, repetitionPenalty: 1.2 });
  expect(of({ family: "esm2" })).toMatchObject({ model: "facebook/esm2_t33_650M_UR50D", temperature: 1 });
  expect(of({ family: "pepmlm", target: "MKTA" })).toMatchObject({ topK: 3, length: { min: 5, max: 50 } });
});

describe("an arm of a language model", () => {
  const itemsOf = async (arm: object, models: Readonly<Record<string, string | readonly string[]>> = {}) => {
    const config = { seeds: [1], samples: 2, models };
    const files = Object.keys(models).sort().map((name) => [models[name]!].flat().map((path) => new Handle(path))); // prettier-ignore
    const inputs = { slices: await slicesOf({ all: training }), models: files };
    const arms = [armOf(armSettings.parse({ sampler: "lm", ...arm }))];
    return (await runRecipe(split, { config, arms, seed: 1, inputs })) as {
      recipe: string;
      inputs?: { weights?: Handle };
      item: DrawRequest;
    }[];
  };

  test("of the hub is handed no file: its revision says all", async () => {
    const items = await itemsOf({ family: "esm2", revision: commit });
    expect(items.map(({ recipe, inputs }) => [recipe, inputs])).toEqual([["lm", undefined], ["lm", undefined]]); // prettier-ignore
  });

  test("another revision, temperature or target draws by other random numbers", async () => {
    const seedOf = async (more: object) =>
      (await itemsOf({ family: "pepmlm", revision: commit, target: "MK", ...more }))[0]!.item.rngSeed;
    const seeds = [{}, { revision: "f".repeat(40) }, { temperature: 0.5 }, { target: "KM" }].map(seedOf);
    expect(new Set(await Promise.all(seeds)).size).toBe(4);
  });

  test("of one's own is handed its file", async () => {
    const items = await itemsOf(
      { family: "file", procedure: "chain", model: "b" },
      { b: "/models/b.pt", a: "/models/a.pt" },
    );
    expect(items.map(({ recipe, inputs }) => [recipe, inputs!.weights!.path])).toEqual([["lm-file", "/models/b.pt"], ["lm-file", "/models/b.pt"]]); // prettier-ignore
  });

  test("of a model that is not named says which there are", async () => {
    await expect(
      itemsOf({ family: "file", procedure: "chain", model: "tiny-chian" }, { "tiny-chain": "/models/a.pt" }),
    ).rejects.toThrow(
      'an arm samples from the model "tiny-chian", which generate.models does not name. Did you mean "tiny-chain"? It names "tiny-chain"; add the path of its TorchScript file there.',
    );
  });

  test("of several files is refused", async () => {
    await expect(
      itemsOf({ family: "file", procedure: "chain", model: "a" }, { a: ["/models/a.pt", "/models/b.pt"] }),
    ).rejects.toThrow("generate.models.a is to be one file: 2 match");
  });
});

test("a seed that is named twice is refused", async () => {
  expect(generateContract.config.safeParse({ seeds: [1, 1] }).error?.message).toContain("must not hold a seed twice");
  await expect(
    runRecipe(split as never, {
      config: { seeds: 1, samples: 1 },
      arms: [],
      seed: 1,
      inputs: { slices: await slicesOf({}) },
    }),
  ).resolves.toEqual([]);
});
