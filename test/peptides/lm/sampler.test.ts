// The program behind the sampler `lm`, as a person would run it: JSON lines in and out. Models are small enough to be computed by hand.

import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeModels, needsTorch, noTransformers, pythonFolder, sample, Sampler, standIn, type Draw } from "./python.ts";

const canonical = /^[ACDEFGHIKLMNPQRSTVWY]+$/;
const { log, exp } = Math;

describe.skipIf(pythonFolder === undefined)(`the program of the language models (${needsTorch})`, () => {
  let folder: string;
  let sampler: Sampler;
  beforeAll(() => {
    folder = makeModels();
    sampler = new Sampler();
  });
  afterAll(async () => {
    await sampler.end();
    rmSync(folder, { recursive: true, force: true });
  });

  const of = (name: string, more: object): object => ({
    ...{ family: "file", weights: join(folder, `${name}.pt`), seed: "1", n: 1 },
    ...more,
  });
  const chain = (more: object = {}): object => of("chain", { procedure: "chain", length: [1, 5], ...more });
  const gibbs = (more: object = {}): object => of("first", { procedure: "gibbs", length: [10, 10], ...more });
  const infill = (more: object = {}): object =>
    of("first", { procedure: "infill", target_sequence: "WCA", length: [4, 4], ...more });
  const one = async (request: object): Promise<Draw> => (await sampler.ask([request])).draws[0]!;
  const sequences = ({ draws }: { readonly draws: readonly Draw[] }) => draws.map(({ sequence }) => sequence);

  describe("chains", () => {
    test("at temperature 0 the likeliest symbol follows, and ln P is the sum of what the model says, the end included", async () => {
      const draw = await one(chain({ temperature: 0 }));
      expect(draw).toMatchObject({ sequence: "ACACA", truncated: true });
      expect(draw.logprob).toBeCloseTo(log(0.5 * 0.6 * 0.5 * 0.6 * 0.5 * 0.3), 6);
      expect(draw.ppl).toBeCloseTo(exp(-draw.logprob / 6), 6);
    });

    test("what may not be drawn is counted: X, and what does not fit", async () => {
      const { excluded } = await one(chain({ temperature: 0, length: [1, 3] }));
      // X behind the start and behind A; GG behind AC, where one residue has room.
      expect(excluded).toBeCloseTo((0.2 + 0.1 + 0.1) / 3, 6);
    });

    test("none ends before the shortest length, none goes beyond the longest, and X is never drawn", async () => {
      const { draws, manifest } = await sampler.ask([chain({ length: [3, 6], n: 200 })]);
      expect(draws.every(({ sequence }) => /^[ACG]{3,6}$/.test(sequence))).toBe(true);
      expect(new Set(draws.map(({ sequence }) => sequence.length))).toEqual(new Set([3, 4, 5, 6]));
      // The one that ended by itself at the longest length would have had to go on to be known.
      for (const { sequence, truncated } of draws) expect(truncated).toBe(sequence.length === 6);
      expect(manifest).toMatchObject({ draws: 200, truncated: draws.filter(({ truncated }) => truncated).length });
    });

    test("residues are drawn as often as the temperature, top-k and top-p say", async () => {
      const share = async (more: object) => {
        const { draws } = await sampler.ask([chain({ length: [1, 2], n: 1500, batch: 500, ...more })]);
        return draws.filter(({ sequence }) => sequence.startsWith("A")).length / 1500;
      };
      // Of A and C alone, 0.5 and 0.3; 0.05 is four standard deviations.
      expect(await share({})).toBeCloseTo(0.5 / 0.8, 1);
      expect(Math.abs((await share({ temperature: 0.5 })) - 0.25 / 0.34)).toBeLessThan(0.05);
      expect(Math.abs((await share({ temperature: 2 })) - 0.5 ** 0.5 / (0.5 ** 0.5 + 0.3 ** 0.5))).toBeLessThan(0.05);
      expect(await share({ top_k: 1 })).toBe(1);
      expect(await share({ top_p: 0.6 })).toBe(1);
      expect(Math.abs((await share({ top_p: 0.63 })) - 0.5 / 0.8)).toBeLessThan(0.05);
    });

    test("the repetition penalty makes what was drawn less likely, and leaves ln P the model's own", async () => {
      const draw = await one(chain({ temperature: 0, repetition_penalty: 10 }));
      expect(draw).toMatchObject({ sequence: "AC", truncated: false });
      expect(draw.logprob).toBeCloseTo(log(0.5 * 0.6 * 0.4), 6);
    });

    test("line breaks are no residues, and a chain does not consist of them", async () => {
      expect(await one(of("breaks", { procedure: "chain", length: [3, 3], temperature: 0 }))).toMatchObject({
        sequence: "AAA",
      });
    });

    test("where nothing fits, the request is refused with the chain so far", async () => {
      const { errors } = await sampler.ask([
        of("long-words", { procedure: "chain", length: [5, 6], model: "long", temperature: 0 }),
      ]);
      expect(errors).toEqual(["long has no symbol that fits behind AAAA: a peptide has 6 residues at most"]);
    });
  });

  describe("resampling", () => {
    const masksSeen = (stderr: string) => [...stderr.matchAll(/masks (\d+)/g)].map(([, count]) => Number(count));

    test("each sweep draws every position once, a share of them at a time, beginning with masks alone", async () => {
      const { stderr } = await sample([gibbs({ sweeps: 3, mask_fraction: 0.2 })]);
      expect(masksSeen(stderr)).toEqual([
        ...[10, 8, 6, 4, 2],
        ...Array<number>(10).fill(2),
        // Then each residue is judged given all others.
        ...Array<number>(10).fill(1),
      ]);
    });

    test("a share of less than a position is one, of all is all", async () => {
      const looks = async (mask_fraction: number) =>
        masksSeen((await sample([gibbs({ sweeps: 1, mask_fraction })])).stderr).slice(0, -10);
      expect(await looks(0.01)).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
      expect(await looks(1)).toEqual([10]);
    });

    test("at temperature 0 it is the likeliest peptide, with its pseudo-log-likelihood", async () => {
      const draw = await one(gibbs({ temperature: 0, sweeps: 2 }));
      expect(draw).toMatchObject({ sequence: "AAAAAAAAAA", truncated: false });
      expect(draw.logprob).toBeCloseTo(10 * log(0.5), 5);
      expect(draw.ppl).toBeCloseTo(2, 5);
      expect(draw.excluded).toBeCloseTo(0.1, 5);
    });

    test("lengths are drawn from all that are allowed", async () => {
      const draws = sequences(await sampler.ask([gibbs({ length: [5, 8], n: 60, sweeps: 1 })]));
      expect(new Set(draws.map(({ length }) => length))).toEqual(new Set([5, 6, 7, 8]));
      expect(draws.every((sequence) => canonical.test(sequence))).toBe(true);
    });
  });

  describe("behind a target", () => {
    test("all positions are drawn from one look at the target", async () => {
      const { draws, stderr } = await sample([infill({ temperature: 0 })]);
      expect(draws[0]).toMatchObject({ sequence: "WWWW", truncated: false });
      expect(draws[0]!.ppl).toBeCloseTo(2, 5);
      expect([...stderr.matchAll(/masks (\d+)/g)].map(([, count]) => Number(count))).toEqual([4, 1, 1, 1, 1]);
    });

    test("positions are drawn apart: what is likely is there as often as it should be", async () => {
      const { draws } = await sampler.ask([infill({ n: 400, length: [5, 5] })]);
      const letters = sequences({ draws }).join("");
      // A half of all, X taken away; 2000 residues.
      expect(Math.abs([...letters].filter((letter) => letter === "W").length / letters.length - 0.5 / 0.9)).toBeLessThan(0.05); // prettier-ignore
      expect(letters).toMatch(canonical);
    });

    test("target and peptide must fit what the model takes together", async () => {
      const { errors } = await sampler.ask([
        of("first-of-20", { procedure: "infill", target_sequence: "W".repeat(17), length: [4, 4], model: "small" }),
      ]);
      expect(errors).toEqual(["small takes 20 residues; the target and the longest peptide have 21"]);
    });

    test("letters that the model does not know are named", async () => {
      const { errors } = await sampler.ask([infill({ target_sequence: "WUA", model: "first" }), infill({ target_sequence: "W-a" })]); // prettier-ignore
      expect(errors[0]).toBe("target_sequence holds U, which first does not know");
      expect(errors[1]).toContain("target_sequence holds -, a: it is written in one-letter codes");
    });
  });

  describe("an item's draw", () => {
    const items = Array.from({ length: 8 }, (_, i) => ({ id: `item ${i}`, seed: `a${i}`, index: i + 1 }));
    const requests = {
      chains: () => of("causal-net", { procedure: "chain", length: [5, 30], seed: null, n: null }),
      gibbs: () => of("masked-net", { procedure: "gibbs", length: [5, 30], sweeps: 3, seed: null, n: null }),
      infill: () => of("masked-net", { procedure: "infill", target_sequence: "MKTAYIAKQR", length: [5, 30], top_k: 5, seed: null, n: null }), // prettier-ignore
    };

    test.each(Object.entries(requests))("does not depend on what is drawn beside it: %s", async (_, request) => {
      const apart = await sampler.ask(items.map((item) => ({ ...request(), items: [item] })));
      for (const batch of [64, 3]) {
        const together = await sampler.ask([{ ...request(), items: items.toReversed(), batch }]);
        const draws = together.draws.toReversed();
        expect(draws.map(({ id }) => id)).toEqual(apart.draws.map(({ id }) => id));
        expect(sequences({ draws })).toEqual(sequences(apart));
        for (const [i, draw] of draws.entries()) expect(draw.logprob).toBeCloseTo(apart.draws[i]!.logprob, 4);
      }
      expect(new Set(sequences(apart)).size).toBe(8);
    });

    test("is the same whenever it is drawn; another seed draws another", async () => {
      const ask = (seed: string) => sampler.ask([gibbs({ seed, n: 5 })]);
      const [first, again, other] = [await ask("1"), await sample([gibbs({ seed: "1", n: 5 })]), await ask("2")];
      const timeless = ({ draws }: { draws: readonly Draw[] }) => draws.map((draw) => ({ ...draw, wall_ms: 0 }));
      expect(timeless(again)).toEqual(timeless(first));
      expect(sequences(other)).not.toEqual(sequences(first));
    });

    test("more draws of a seed leave those before them as they are", async () => {
      const few = await sampler.ask([chain({ n: 3 })]);
      expect(sequences(await sampler.ask([chain({ n: 6 })])).slice(0, 3)).toEqual(sequences(few));
    });

    test("says what the contract promises", async () => {
      const { lines } = await sampler.ask([gibbs({ model: "mine", items: [{ id: "x", seed: "FF", index: 7 }], seed: null, n: null })]); // prettier-ignore
      expect(Object.keys(lines[0]!).sort()).toEqual(
        "excluded id index kind logprob model ppl revision seed sequence truncated wall_ms".split(" "),
      );
      expect(lines[0]).toMatchObject({ id: "x", index: 7, seed: "FF", model: "mine" });
      expect(Object.keys(lines[1]!).sort()).toEqual(
        "device draws family gpu image kind load_ms model procedure python revision torch transformers truncated wall_ms".split(" "), // prettier-ignore
      );
      expect(lines[1]).toMatchObject({
        ...{ kind: "manifest", draws: 1, device: "cpu", gpu: null, transformers: null, procedure: "gibbs" },
        revision: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
        torch: expect.stringMatching(/^\d+\.\d+/) as string,
      });
    });
  });

  test("a model is loaded once for requests that follow each other, and again when its file has changed", async () => {
    const { lines } = await sampler.ask([chain({ n: 0 }), chain(), gibbs({ n: 0 }), chain({ n: 0 })]);
    const loads = lines.flatMap((line) => (line.kind === "manifest" ? [Number(line.load_ms)] : []));
    expect(loads[1]).toBeLessThan(1);
    expect(loads[3]).toBeGreaterThan(loads[1]!);
  });

  test("a request that is refused does not end the program", async () => {
    const { lines } = await sampler.ask(["{", chain({ length: [9, 1] }), chain()]);
    expect(lines.map(({ kind }) => kind)).toEqual(["error", "error", "draw", "manifest"]);
  });

  test.each<[string, () => object, string]>([
    ["a field that there is not", () => chain({ temprature: 1 }), 'unknown field "temprature". A request may have batch, family'],
    ["a family that there is not", () => ({ family: "esm3" }), 'family must be one of protgpt2, esm2, pepmlm, file, not "esm3"'],
    ["a temperature below 0", () => chain({ temperature: -1 }), "temperature must be 0 or more, not -1"],
    ["a top-k of 0", () => chain({ top_k: 0 }), "top_k must be a whole number from 1, not 0"],
    ["a seed that is none", () => chain({ items: [{ seed: "x" }], seed: null, n: null }), 'a seed is 1 to 32 hexadecimal digits, not "x"'],
    ["weights that are not there", () => chain({ weights: "/none.pt" }), "there is no file /none.pt"],
    ["weights of something else", () => chain({ weights: import.meta.filename }), "the weights are no TorchScript file"],
    ["weights that do not say what they are", () => of("bare", { procedure: "chain" }), "the weights hold no model.json"],
    ["a kind that there is not", () => of("other-kind", { procedure: "chain" }), "must have kind autoregressive or masked, not 'diffusion'"],
    ["a chain from masks", () => of("first", { procedure: "chain", model: "m" }), "m fills in masks: it cannot be sampled as a chain"],
    ["masks from a chain", () => of("chain", { procedure: "gibbs", model: "m" }), "m continues chains: it cannot fill in masks"],
    ["a target where none is looked at", () => chain({ target_sequence: "WW" }), "target_sequence is for infill; chain has none"],
    ["no target", () => infill({ target_sequence: null }), "infill needs target_sequence"],
    ["a branch for a revision", () => ({ family: "esm2", revision: "main", seed: "1", n: 1 }), 'revision must be the full commit hash of facebook/esm2_t33_650M_UR50D, 40 hexadecimal digits, not "main"'],
    ["a short revision", () => ({ family: "pepmlm", revision: "898fca9", target_sequence: "WW" }), 'not "898fca9"'],
    ["no revision", () => ({ family: "protgpt2", seed: "1", n: 1 }), "not null"],
    ["another procedure than a family's", () => ({ family: "esm2", procedure: "chain", revision: "a".repeat(40) }), "esm2 is sampled by gibbs, not by chain"],
    ["another GPU than is here", () => chain({ on: { gpu: "H100" } }), "it must run on gpu H100; here it is none"],
    ["another torch than is here", () => chain({ on: { torch: "0.4" } }), "it must run on torch 0.4; here it is "],
  ])("%s is refused", async (_, request, message) => {
    const { errors, draws } = await sampler.ask([request()]);
    expect(errors[0]).toContain(message);
    expect(draws).toEqual([]);
  }); // prettier-ignore

  test("what it must run on is not refused where it is so", async () => {
    const { manifest } = await sampler.ask([chain()]);
    const torch = String(manifest.torch).split(".").slice(0, 2).join(".");
    expect((await sampler.ask([chain({ on: { gpu: "none", torch } })])).draws).toHaveLength(1);
  });

  describe("models of the hub, with a stand-in for transformers", () => {
    const revision = "0123456789abcdef0123456789abcdef01234567";
    const environment = { PYTHONPATH: standIn, HF_HOME: "/hub-of-test" };
    let ofHub: Sampler;
    beforeAll(() => void (ofHub = new Sampler(environment)));
    afterAll(() => ofHub.end());
    const asking = (requests: readonly object[]) => requests.map((request) => ({ revision, seed: "1", ...request }));
    const hub = (requests: readonly object[]) => ofHub.ask(asking(requests));
    const alone = (requests: readonly object[], more = {}) => sample(asking(requests), { ...environment, ...more });

    test("tokeniser and network are asked for by name and revision, in the user's cache", async () => {
      const { stderr, manifest } = await alone([{ family: "esm2", n: 1 }]);
      const asked = `from_pretrained facebook/esm2_t33_650M_UR50D ${revision} /hub-of-test/hub local`;
      expect(stderr.split("\n").filter((line) => line.startsWith("from_pretrained"))).toEqual([asked, asked]);
      expect(manifest).toMatchObject({ revision, transformers: "5.99.0", model: "facebook/esm2_t33_650M_UR50D" });
    });

    test("the hub is asked only for what is not in the cache: a node without a network would wait for it", async () => {
      const { stderr, draws } = await alone([{ family: "esm2", n: 1 }], { NOT_FETCHED_YET: "1" });
      const asked = `from_pretrained facebook/esm2_t33_650M_UR50D ${revision} /hub-of-test/hub`;
      expect(stderr.split("\n").filter((line) => line.startsWith("from_pretrained"))).toEqual([
        `${asked} local`,
        asked,
        asked,
      ]);
      expect(draws).toHaveLength(1);
    });

    test("HOME may be a worker's own: the cache is that of the user", async () => {
      const { stderr } = await alone([{ family: "esm2", n: 0 }], { HF_HOME: "", HOME: "/worker" });
      expect(stderr).toMatch(/from_pretrained \S+ \S+ \/(?!worker)\S+\/\.cache\/huggingface\/hub/);
    });

    test.each<[string, object]>([
      ["ProtGPT2", { family: "protgpt2", length: [8, 30] }],
      ["ESM-2", { family: "esm2", length: [8, 30], sweeps: 2 }],
      ["PepMLM", { family: "pepmlm", length: [8, 12], target_sequence: "MKTAYIAKQRQISFVKSHFSRQXX" }],
    ])("%s draws peptides of the 20 residues, each apart from the others", async (_, request) => {
      const { draws } = await hub([{ ...request, n: 12 }]);
      const [, longest] = (request as { length: [number, number] }).length;
      for (const { sequence, logprob } of draws) {
        expect(sequence).toMatch(canonical);
        expect(sequence.length).toBeGreaterThanOrEqual(8);
        expect(sequence.length).toBeLessThanOrEqual(longest);
        expect(logprob).toBeLessThan(0);
      }
      const items = draws.map(({ id, seed, index }) => ({ id, seed, index }));
      const apart = await hub(items.map((item) => ({ ...request, items: [item], seed: null })));
      expect(sequences(apart)).toEqual(sequences({ draws }));
    });

    test("ProtGPT2 draws with its authors' settings unless it is told otherwise", async () => {
      const request = { family: "protgpt2", length: [20, 30], n: 6 };
      const usual = await hub([request]);
      const same = await hub([{ ...request, top_k: 950, repetition_penalty: 1.2 }]);
      const other = await hub([{ ...request, repetition_penalty: 5 }]);
      expect(sequences(same)).toEqual(sequences(usual));
      expect(sequences(other)).not.toEqual(sequences(usual));
    });

    test("another revision draws others", async () => {
      const request = { family: "esm2", length: [20, 20], n: 2 };
      const { draws } = await hub([request, { ...request, revision: "f".repeat(40) }]);
      expect(draws[2]!.sequence).not.toBe(draws[0]!.sequence);
    });

    test("a model of another family, and one that there is not, are named with what to do", async () => {
      const { errors } = await hub([
        { family: "esm2", model: "nferruz/ProtGPT2" },
        { family: "esm2", model: "nobody/nothing" },
      ]);
      expect(errors[0]).toBe("nferruz/ProtGPT2 has no symbol '<cls>': it is not of the family that the request says");
      expect(errors[1]).toBe(
        `nobody/nothing at revision ${revision} could not be loaded from /hub-of-test/hub nor from the hub: nobody/nothing is not a local folder and is not a valid model identifier. To fetch it: hf download nobody/nothing --revision ${revision}`,
      );
    });

    test("what does not fit the GPU's memory goes in parts, with the same draws; what never fits is an error", async () => {
      const request = { family: "esm2", length: [5, 12], sweeps: 1, n: 9 };
      const parted = await alone([request], { ROWS_THAT_FIT: "2" });
      expect(sequences(parted)).toEqual(sequences(await hub([request])));
      expect(parted.stderr).toContain("9 rows did not fit on the GPU: 4 at a time from now on");
      expect(parted.stderr).toContain("4 rows did not fit on the GPU: 2 at a time from now on");
      await expect(alone([request], { ROWS_THAT_FIT: "0" })).rejects.toThrow("CUDA out of memory");
    });

    test("without torch it says how to get it", async () => {
      const { errors } = await alone([{ family: "esm2", n: 1 }], { PYTHONPATH: `${noTransformers}/../no-torch` });
      expect(errors).toEqual([
        expect.stringMatching(
          /^the package torch is not installed for \S+, the python3 of the PATH: python3 -m pip install torch, or sudo apt-get install python3-torch$/,
        ),
      ]);
    });

    test("without transformers it says how to get it", async () => {
      const { errors } = await alone([{ family: "esm2", n: 1 }], { PYTHONPATH: noTransformers });
      expect(errors).toEqual(["esm2 needs the package transformers: python3 -m pip install transformers"]);
    }); // prettier-ignore
  });
});
