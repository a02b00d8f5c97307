// One of each event with every field set. The type makes a new kind of event an error here until it is shown and documented.

import type { Digest } from "../../src/model/digest.ts";
import type { Event } from "../../src/model/event.ts";
import type { Reason } from "../../src/model/reason.ts";

export const digestA = "a".repeat(64) as Digest;
export const digestB = "b".repeat(64) as Digest;

const changed: Reason = { kind: "config", path: "judge.pH", before: 7.4, after: 7 };
const counts = { computed: 950, cached: 50, fresh: 0 };

export const everyEvent: { readonly [K in Event["kind"]]: Required<Extract<Event, { kind: K }>> } = {
  "build-started": {
    kind: "build-started",
    run: "default",
    experiment: "peptides",
    targets: ["analyse"],
    config: "configs/default.yaml",
    overrides: ["judge.pH=7"],
    at: 1_795_169_520_000,
  },
  "waiting-for-lock": { kind: "waiting-for-lock", run: "default", holder: "process 4711 on anna-laptop" },
  "waiting-for-action": { kind: "waiting-for-action", target: "judge", holder: "run low-pH" },
  "target-started": {
    kind: "target-started",
    target: "generate",
    reasons: [changed],
    items: 1000,
    due: 950,
    expectedMs: 240_000,
  },
  "items-known": { kind: "items-known", target: "generate", items: 1000, due: 950 },
  elsewhere: { kind: "elsewhere", target: "generate", executor: "slurm", waiting: 3, running: 8 },
  "item-finished": { kind: "item-finished", target: "generate", origin: "computed", tookMs: 120, costUsd: 0.002 },
  "action-retried": {
    kind: "action-retried",
    target: "judge",
    label: "pair-17",
    attempt: 2,
    waitMs: 4000,
    why: "429 too many requests",
  },
  log: { kind: "log", target: "judge", label: "pair-17", text: "loaded model\n" },
  "target-finished": {
    kind: "target-finished",
    target: "generate",
    origin: "computed",
    reasons: [changed],
    counts,
    tookMs: 2100,
    savedMs: 3200,
    costUsd: 0.0123,
    sameOutput: true,
  },
  "target-failed": {
    kind: "target-failed",
    target: "judge",
    failures: [
      {
        kind: "action",
        what: "recipe threw: bad pH",
        where: { file: "judge.ts", line: 7, column: 3, length: 2, text: "  pH" },
        neededBy: "judge",
        fix: "set judge.pH",
        details: ["at score"],
      },
    ],
    failedItems: 0,
  },
  "target-waits": {
    kind: "target-waits",
    target: "rate",
    requests: [
      { path: "runs/default/rate/ratings.csv", what: "Rate 20 pairs", how: "Fill the column verdict with A or B" },
    ],
  },
  "target-unaffordable": {
    kind: "target-unaffordable",
    target: "judge",
    why: "a call costs up to $0.50, and $0.20 is left of the $5.00 that the build may spend",
    items: 100,
    remaining: 60,
    tookMs: 2100,
    costUsd: 4.8,
  },
  spent: { kind: "spent", spentUsd: 1.23, maxUsd: 5 },
  "target-skipped": { kind: "target-skipped", target: "analyse", because: "judge" },
  "output-set-aside": {
    kind: "output-set-aside",
    target: "judge",
    file: "runs/default/judge/table.csv",
    to: "runs/default/judge/table.edited-1.csv",
  },
  "target-warned": {
    kind: "target-warned",
    target: "judge",
    text: 'no file matches data/*.csv, the input "files"; data holds a.tsv',
  },
  warning: { kind: "warning", text: "configs/default.yaml is gone: its last reading is used" },
  watching: { kind: "watching", files: 123, outcome: "done", failures: [] },
  "build-finished": {
    kind: "build-finished",
    outcome: "done",
    run: "default",
    counts,
    tookMs: 4200,
    savedMs: 3200,
    costUsd: 0.0123,
    spentUsd: 0.0123,
    maxUsd: 5,
    reports: ["runs/default/analyse/report.html"],
    shared: {
      place: "/mnt/team/exp-cache",
      taken: 51,
      fetchedBytes: 3_400_000,
      given: 951,
      published: 900,
      publishedBytes: 12_000,
      left: 2,
    },
  },
};

export const everyReason: { readonly [K in Reason["kind"]]: Extract<Reason, { kind: K }> } = {
  new: { kind: "new" },
  config: { kind: "config", path: "judge.pH", before: 7.4, after: 7 },
  members: {
    kind: "members",
    path: "prepare.sources",
    added: [{ name: "mine", value: { name: "mine" } }, { value: 7 }],
    removed: [{ value: { kind: "first" } }],
  },
  "arm-name": { kind: "arm-name", before: "baseline", after: "base" },
  code: {
    kind: "code",
    before: digestA,
    after: digestB,
    changes: [
      {
        change: "changed",
        file: "rules/peptides/charge.ts",
        name: "function scoreCharge",
        lines: { from: 12, to: 20 },
      },
    ],
  },
  "rule-version": { kind: "rule-version", before: 1, after: 2 },
  vectorised: { kind: "vectorised", before: false, after: true },
  input: {
    kind: "input",
    slot: "peptides",
    before: { digest: digestA, size: 12_000, rows: 1000 },
    after: { digest: digestB, size: 24_000, rows: 2000 },
  },
  items: { kind: "items", added: 1000, removed: 3, changed: 0 },
  item: { kind: "item", before: { sequence: "ACDE", pH: 7 }, after: { sequence: "ACDE", pH: 7.4 } },
  outputs: { kind: "outputs", before: ["table", "log"], after: ["table", "figure"] },
  environment: { kind: "environment", name: "HF_HOME", before: undefined, after: "/data/hf" },
  tool: { kind: "tool", name: "python", before: "3.10", after: "3.11" },
  command: { kind: "command", before: ["python", "score.py"], after: ["python", "score.py", "--deep mode"] },
  "same-work": { kind: "same-work", target: "generate" },
  displaced: { kind: "displaced" },
  left: { kind: "left" },
  "content-lost": { kind: "content-lost", slot: "table" },
  spliced: { kind: "spliced", from: "old@3:generate" },
  cleaned: { kind: "cleaned", when: "2026-11-20T10:12:03" },
  split: { kind: "split", target: "generate" },
  upstream: { kind: "upstream", target: "generate" },
};
