import { command, contract, experiments, fanOut, gate, handoff, json, optional, rule, source, sourceFiles, text, tree, z } from "expfile";

const given = handoff({
  name: "kept/given",
  config: z.strictObject({}),
  requests: () => [{ path: "incoming/answer.txt", what: "the answer", how: "ask somebody" }],
});

const prepare = rule(
  contract({
    name: "kept/prepare",
    config: z.strictObject({ factor: z.int().default(2), share: z.number().default(0.1) }),
    inputs: { numbers: text(), folder: tree(), notes: sourceFiles(() => ["notes/*.txt"]), given: tree() },
    outputs: { rows: json(), folder: tree() },
  }),
  () => import("./rules/prepare.ts"),
);

const square = fanOut(
  contract({
    name: "kept/square",
    config: z.strictObject({ unit: z.string().default("µ") }),
    arms: z.strictObject({ power: z.number() }),
    inputs: { rows: json(), folder: tree() },
    items: { outputs: { value: json() } },
    outputs: { all: json() },
  }),
  {
    split: { recipe: () => import("./rules/square.ts").then((m) => m.split), reads: ["unit", "arms"] },
    recipes: {
      plain: () => import("./rules/square.ts").then((m) => m.plain),
      loud: () => import("./rules/square.ts").then((m) => m.loud),
    },
    merge: () => import("./rules/square.ts").then((m) => m.merge),
  },
);

const sumContract = contract({ name: "kept/sum", inputs: { all: json() }, outputs: { sum: text() } });
const sum = rule(
  sumContract,
  command<typeof sumContract>({
    code: ["scripts/*.sh"],
    argv: ({ inputs, outputs }) => ["sh", "scripts/sum.sh", inputs.all, outputs.sum],
  }),
);

const judge = rule(
  contract({ name: "kept/judge", inputs: { sum: text() }, outputs: { verdict: json(), note: optional(text()) } }),
  { recipe: () => import("./rules/judge.ts"), env: ["GREETING"] },
);

const enough = gate(
  contract({ name: "kept/enough", inputs: { verdict: json() }, outputs: {} }),
  () => import("./rules/enough.ts"),
);

export default experiments({
  kept: () => {
    const asked = given();
    const prepared = prepare({
      numbers: source("data/numbers.txt", text()),
      folder: source("data/folder", tree()),
      given: asked.files,
    });
    const squared = square({ rows: prepared.rows, folder: prepared.folder });
    const summed = sum({ all: squared.all });
    const judged = judge({ sum: summed.sum });
    return { given: asked, prepare: prepared, square: squared, sum: summed, judge: judged, enough: enough({ verdict: judged.verdict }) };
  },
});
