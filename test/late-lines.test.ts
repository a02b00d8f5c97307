// Lines of a trace are parsed when somebody asks. What they mean does not depend on when, nor on the order of their keys, nor on lines torn by a crash.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { TraceLine } from "../src/backends/store/trace-lines.ts";
import { TraceIndex } from "../src/backends/store/trace-index.ts";
import { Trace } from "../src/backends/store/trace.ts";
import type { ActionResult } from "../src/model/action.ts";
import { digestOfBytes, type Digest } from "../src/model/digest.ts";
import type { ActionRecord } from "../src/planning/fingerprint/action-key.ts";

const core = digestOfBytes("core");
const other = digestOfBytes("other");

function resultLine(c: Digest, at: number): TraceLine & { readonly r: ActionResult } {
  const out = { kind: "file", blob: { digest: digestOfBytes(`content ${at}`), size: 1 } } as const;
  const r = { outputs: { out }, at, tookMs: 1, costUsd: 0, by: "me@here", executor: "local", attempts: 1 };
  return { t: "target", p: "recipe", b: 1, c, k: digestOfBytes(`key ${c}`), r, how: "computed" };
}

function recordLine(c: Digest, version: number): TraceLine & { readonly rec: ActionRecord } {
  const code = { kind: "module", digest: digestOfBytes("code"), externals: {}, vectorised: false } as const;
  const rest = { config: {}, inputs: {}, outputs: {}, environment: {}, tools: {}, items: null };
  return { t: "target", b: 1, c, rec: { format: 1, part: "recipe", code, version, ...rest }, o: { timeoutMs: 5 } };
}

const torn = (line: TraceLine, length = 20) => JSON.stringify(line).slice(0, -length);

function folderOf(lines: readonly (TraceLine | string)[]): string {
  const folder = mkdtempSync(join(tmpdir(), "exp-trace-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "trace"));
  const texts = [{ v: 1 }, ...lines].map((line) => (typeof line === "string" ? line : JSON.stringify(line)) + "\n");
  writeFileSync(join(folder, "trace", "trace.jsonl"), texts.join(""));
  return folder;
}

test("a torn result gives way to what was known before it", () => {
  const trace = new Trace(folderOf([resultLine(core, 1), torn(resultLine(core, 2)), torn(resultLine(other, 3))]));
  expect(trace.find(core)?.result.at).toBe(1);
  expect(trace.find(other)).toBeUndefined();
  expect([...trace.results()].map(([key]) => key)).toEqual([core]);
});

test("a torn result leaves what was accepted as it was", () => {
  const because = { at: 5, by: "me@here", because: "only a refactoring", reasons: [], results: 1, of: core };
  const lines: (TraceLine | string)[] = [
    resultLine(core, 1),
    { t: "target", accepted: because },
    { t: "target", p: "recipe", b: 1, c: other, k: digestOfBytes("key"), as: core },
    { t: "target", b: 1, at: 6, now: other },
  ];
  const trace = new Trace(folderOf([...lines, torn(resultLine(other, 2))]));
  expect(trace.find(other)).toMatchObject({ madeFor: core, result: { at: 1 } });
  expect(trace.acceptancesInForce("target")).toEqual([because]);
  const madeAnew = new Trace(folderOf([...lines, resultLine(other, 2)]));
  expect(madeAnew.find(other)?.madeFor).toBeUndefined();
  expect(madeAnew.acceptancesInForce("target")).toEqual([]);
});

test("a torn result takes nothing back of a clean", () => {
  const folder = folderOf([resultLine(core, 1), { t: "target", clean: 7 }, torn(resultLine(core, 2))]);
  const trace = new Trace(folder);
  expect(trace.find(core)).toBeUndefined();
  expect(trace.cleanedAt(core)).toBe(7);
  expect(trace.known(core)?.result.at).toBe(1);
  new TraceIndex(folder).forEachResult(() => expect.unreachable());
});

test("a whole result takes a clean back", () => {
  const trace = new Trace(folderOf([resultLine(core, 1), { t: "target", clean: 7 }, resultLine(core, 2)]));
  expect(trace.find(core)?.result.at).toBe(2);
  expect(trace.cleanedAt(core)).toBeUndefined();
  expect(trace.cleanedResult(core)).toBeUndefined();
  expect(trace.known(core)?.result.at).toBe(2);
});

test("a torn record gives way to what was known before it, of its key and of its target", () => {
  const trace = new Trace(folderOf([recordLine(core, 1), torn(recordLine(core, 2)), torn(recordLine(other, 3))]));
  expect(trace.recordOf(core)?.version).toBe(1);
  expect(trace.optionsOf(core)).toEqual({ timeoutMs: 5 });
  expect(trace.recordOf(other)).toBeUndefined();
  expect(trace.lastRecord("target", "recipe", undefined)?.version).toBe(1);
  expect(trace.lastRecord("target", "recipe", undefined, other)?.version).toBe(1);
});

test("a source that lies elsewhere now is where it was seen last, whoever asks when", () => {
  const digest = digestOfBytes("text");
  const folder = folderOf([{ src: [[digest, 4, "old.txt"]] }]);
  const trace = new Trace(folder, { mayWrite: () => true });
  trace.append({ src: [[digest, 4, "new.txt"]] });
  expect(trace.sourceOf(digest)?.[2]).toBe("new.txt");
  trace.close();
  expect(readFileSync(join(folder, "trace", "trace.jsonl"), "utf8")).toContain("new.txt");
});

test("lines whose keys are in another order read the same", () => {
  const standing: TraceLine = { t: "target", b: 1, at: 3, now: core };
  const placed: TraceLine = { out: "target/out.json", d: core };
  const lines = [recordLine(core, 1), resultLine(core, 1), placed, { src: [[other, 4, "a.txt"]] } as const, standing];
  const turned = lines.map((line) => Object.fromEntries(Object.entries(line).reverse()) as unknown as TraceLine);
  const told = (trace: Trace) => ({
    results: [...trace.results()],
    record: trace.recordOf(core),
    last: trace.lastRecord("target", "recipe", undefined),
    options: trace.optionsOf(core),
    standing: trace.standingOf("target"),
    placed: trace.placedAt("target/out.json"),
    source: trace.sourceOf(other),
    late: [...new Trace(folderOf(lines), { until: 0 }).results()],
  });
  const first = told(new Trace(folderOf(lines)));
  expect(first.results).toHaveLength(1);
  expect(first.standing).toHaveLength(1);
  expect(told(new Trace(folderOf(turned)))).toEqual(first);
});
