// The two readers of a run's trace: one holds every result, the other only where it is. To both each line means the same.

import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { TraceIndex } from "../src/backends/store/trace-index.ts";
import type { TraceLine } from "../src/backends/store/trace-lines.ts";
import { Trace } from "../src/backends/store/trace.ts";
import { digestOfBytes, type Digest } from "../src/model/digest.ts";
import { randomFrom } from "./reliability/bench.ts";
import { seed } from "./reliability/counts.ts";

type Counting = Readonly<Record<Digest, unknown>>;

function heldBy(folder: string): Counting {
  const held: Record<Digest, unknown> = {};
  for (const [core, { target, key, result, build, template }] of new Trace(folder).results())
    held[core] = { core, target, key, result, build, template };
  return held;
}

function foundBy(index: TraceIndex): Counting {
  const found: Record<Digest, unknown> = {};
  index.forEachResult((known) => {
    expect(found[known.core]).toBeUndefined();
    found[known.core] = known;
  });
  return found;
}

/**
 * Few names, so that lines meet: results made again, accepted, cleaned away with what an equal target stands on. A core key is always one of the same
 * part, because the part is hashed.
 */
function randomLine(random: () => number, build: number): TraceLine {
  const draw = (count: number) => Math.floor(random() * count);
  const one = (kind: string, count = 5) => digestOfBytes(`${kind} ${draw(count)}`);
  const t = `target${draw(3)}`;
  const p = (["recipe", "split", "item"] as const)[draw(3)]!;
  const ofPart = { t, p, b: build, c: one(p), k: one("key", 1000), ...(p === "item" && { m: one("template", 3) }) };
  const kind = draw(20);
  if (kind < 10) {
    const content = `content ${draw(1000)}`;
    const out = { kind: "file", blob: { digest: digestOfBytes(content), size: content.length } } as const;
    const rest = { at: draw(1000), tookMs: 1, costUsd: 0, by: "me@here", executor: "local", attempts: 1 };
    return { ...ofPart, r: { outputs: { out }, ...rest }, how: "computed" };
  }
  if (kind < 14) return { ...ofPart, as: one(p) };
  const ofFanOut = draw(2) === 0 && { s: one("split"), m: [one("template", 3)] };
  if (kind < 19) return { t, b: build, at: draw(1000), now: one("recipe"), ...ofFanOut };
  return { t, clean: draw(1000) };
}

test(`the results that count are the same to both, whatever was made again, accepted and cleaned (seed ${seed})`, async () => {
  const random = randomFrom(seed);
  for (let round = 0; round < 60; round++) {
    const folder = mkdtempSync(join(tmpdir(), "exp-trace-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const trace = new Trace(folder, { mayWrite: () => true });
    for (let i = 0; i < 80; i++) trace.append(randomLine(random, Math.floor(i / 10)));
    await trace.commit();
    trace.close();
    // The last writer died within a line.
    if (round % 2 === 0) appendFileSync(join(folder, "trace", "trace.jsonl"), '{"t":"target1","clean":');
    const index = new TraceIndex(folder);
    expect(foundBy(index)).toEqual(heldBy(folder));
    const whole = new Trace(folder);
    expect(index.targets()).toEqual(whole.targets());
    for (const target of whole.targets()) {
      expect(index.standingOf(target)).toEqual(whole.standingOf(target));
      for (const { split } of whole.standingOf(target))
        if (split !== undefined) expect(index.splitResultOf(split)).toEqual(whole.find(split)?.result);
    }
  }
});

test("what is appended between the two looks does not count, and takes nothing away", async () => {
  const random = randomFrom(seed);
  const folder = mkdtempSync(join(tmpdir(), "exp-trace-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const trace = new Trace(folder, { mayWrite: () => true });
  const append = async () => {
    for (let i = 0; i < 200; i++) trace.append(randomLine(random, i));
    await trace.commit();
  };
  await append();
  const index = new TraceIndex(folder);
  const before = heldBy(folder);
  await append();
  expect(heldBy(folder)).not.toEqual(before);
  expect(foundBy(index)).toEqual(before);
  trace.close();
});
