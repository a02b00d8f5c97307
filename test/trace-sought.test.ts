// A trace that is asked through an index of its lines, beside one that has read them all: to both each line means the same.

import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Part, TraceLine } from "../src/backends/store/trace-lines.ts";
import { Trace } from "../src/backends/store/trace.ts";
import { digestOfBytes } from "../src/model/digest.ts";
import { LineIndex, LineIndexBuilder } from "../src/util/line-index.ts";
import { randomFrom } from "./reliability/bench.ts";
import { seed } from "./reliability/counts.ts";

const targets = ["target0", "target1", "target2"];
const parts = ["recipe", "split", "item"] as const satisfies readonly Part[];
const digestsOf = (kind: string) => Array.from({ length: 5 }, (_, i) => digestOfBytes(`${kind} ${i}`));
const cores = parts.flatMap(digestsOf);
const templates = digestsOf("template");
const sources = digestsOf("source");
const recipes = ["sample", "jüdge"];
const paths = ["target0/out.txt", "target1/größe.txt"];

/** Few names, so that lines meet. */
function randomLine(random: () => number, build: number): TraceLine {
  const draw = (count: number) => Math.floor(random() * count);
  const of = <T>(list: readonly T[]) => list[draw(list.length)]!;
  const t = of(targets);
  const p = of(parts);
  const c = of(digestsOf(p));
  const ofPart = {
    t,
    p,
    b: build,
    c,
    k: digestOfBytes(`key ${draw(1000)}`),
    ...(p === "item" && { m: of(templates) }),
  };
  const kind = draw(30);
  if (kind < 10) {
    const out = { kind: "file", blob: { digest: digestOfBytes(`content ${draw(1000)}`), size: 1 } } as const;
    const rest = { at: draw(1000), tookMs: 1, costUsd: 0, by: "me@hère", executor: "local", attempts: 1 };
    return { ...ofPart, r: { outputs: { out }, ...rest }, how: "computed" };
  }
  if (kind < 13) return { ...ofPart, as: of(digestsOf(p)) };
  if (kind < 18) {
    const isItem = p === "item";
    const code = { kind: "module", digest: digestOfBytes("code"), externals: {}, vectorised: false } as const;
    const rest = { config: {}, inputs: {}, outputs: {}, environment: {}, tools: {}, items: null };
    const rec = { format: 1, part: p, code, version: draw(1000), ...rest } as const;
    // In the order in which the program writes it, by which a record is known unparsed.
    const own = isItem ? { c: of(templates), n: of(recipes) } : { c };
    return { t, b: build, ...own, rec, o: { timeoutMs: draw(9) } };
  }
  if (kind < 19) return { out: of(paths), d: of(cores) };
  if (kind < 20) return { out: of(paths), d: "absent", left: of(cores), at: `team${draw(9)}` };
  if (kind < 22)
    return {
      src: [
        [of(sources), draw(9), "a.txt"],
        [of(sources), draw(9), "b.txt"],
      ],
    };
  if (kind < 23) return { arms: [["arm", `name ${draw(9)}`]] };
  if (kind < 24) return { t, spliced: `other@${draw(2)}:x`, c: of(cores), at: draw(1000), by: "me@here" };
  const because = { at: draw(9), by: "me@here", because: "so", reasons: [], results: 1, of: of(cores) };
  if (kind < 25) return { t, accepted: because };
  if (kind < 29) {
    const ofFanOut = draw(2) === 0 && { s: of(digestsOf("split")), m: [of(templates)] };
    return { t, b: build, at: draw(1000), now: of(digestsOf("recipe")), ...ofFanOut };
  }
  return { t, clean: draw(1000), ...(draw(2) === 0 && { calls: true as const }) };
}

/** Everything that can be asked of single keys. */
function toldBy(trace: Trace): unknown {
  const names = targets.flatMap((target) =>
    parts.flatMap((part) => [undefined, ...recipes].map((n) => ({ target, part, n }))),
  );
  const by = <Key extends string, T>(keys: readonly Key[], ask: (key: Key) => T) => keys.map((key) => [key, ask(key)]);
  return {
    found: by(cores, (core) => trace.find(core)),
    cleaned: by(cores, (core) => [trace.cleanedAt(core), trace.cleanedResult(core), trace.known(core)]),
    cleans: by(targets, (target) => trace.lastCleanOf(target)),
    calls: trace.callsHiddenBefore(),
    records: by([...cores, ...templates], (core) => [trace.recordOf(core), trace.optionsOf(core)]),
    last: names.flatMap(({ target, part, n }) =>
      [undefined, ...cores, ...templates].map((except) => trace.lastRecord(target, part, n, except)),
    ),
    recipes: by(templates, (core) => trace.recipesOf(core)),
    standing: by(targets, (target) => [trace.standingOf(target), trace.lastStandingOf(target)]),
    behind: by(targets, (target) => parts.map((part) => trace.standingRecord(target, part, recipes[0]))),
    accepted: by(targets, (target) => [trace.acceptancesOf(target), trace.acceptancesInForce(target)]),
    spliced: by(targets, (target) => [
      trace.spliceOf(target, "other@1:x"),
      by(cores, (core) => trace.splicedFrom(target, core)),
    ]),
    sources: by(sources, (digest) => trace.sourceOf(digest)),
    placed: by(paths, (path) => [trace.placedAt(path), trace.leftAt(path)]),
    arm: trace.armName("arm"),
  };
}

function scratch(): { readonly folder: string; readonly log: string; readonly indexFile: string } {
  const folder = mkdtempSync(join(tmpdir(), "exp-trace-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return { folder, log: join(folder, "trace", "trace.jsonl"), indexFile: join(folder, "index") };
}

async function write(trace: Trace, random: () => number, lines: number): Promise<void> {
  for (let i = 0; i < lines; i++) trace.append(randomLine(random, Math.floor(i / 10)));
  await trace.commit();
  trace.close();
}

const mayWrite = () => true;

test(`what is asked of a trace by its index is what all of its lines say, whoever has written them (seed ${seed})`, async () => {
  const random = randomFrom(seed);
  for (let round = 0; round < 40; round++) {
    const { folder, log, indexFile } = scratch();
    await write(new Trace(folder, { mayWrite, indexFile, indexFrom: 1 }), random, 60);
    expect(statSync(indexFile).size).toBeGreaterThan(0);
    // Lines that were torn within, and within a character.
    if (round % 3 === 0)
      appendFileSync(log, Buffer.from('{"t":"target1","clean":\n{"out":"größe', "utf8").subarray(0, -3));
    // By whom keeps no index; and by whom does, upon the first.
    if (round % 2 === 0) await write(new Trace(folder, { mayWrite }), random, 20);
    else await write(new Trace(folder, { mayWrite, indexFile, indexFrom: 1 }), random, 20);
    const whole = new Trace(folder, { mayWrite });
    const sought = new Trace(folder, { mayWrite, indexFile });
    expect(toldBy(sought)).toEqual(toldBy(whole));
    for (let i = 0; i < 20; i++) {
      const line = randomLine(random, 9);
      whole.append(line);
      sought.append(line);
    }
    expect(toldBy(sought)).toEqual(toldBy(whole));
    // From here on it has read all of it.
    expect([...sought.results()]).toEqual([...whole.results()]);
    expect(sought.targets()).toEqual(whole.targets());
    expect(sought.secretNames()).toEqual(whole.secretNames());
    expect(toldBy(sought)).toEqual(toldBy(whole));
  }
});

test("through an index only what is asked for is read", async () => {
  const { folder, log, indexFile } = scratch();
  await write(new Trace(folder, { mayWrite, indexFile, indexFrom: 1 }), randomFrom(seed), 100);
  const asked = toldBy(new Trace(folder));
  // A line that nobody asks for: garbage of the same length.
  const text = readFileSync(log, "utf8");
  const other = text.split("\n").find((line) => line.includes('"rec"'))!;
  writeFileSync(log, text.replace(other, "x".repeat(other.length)));
  const trace = new Trace(folder, { indexFile });
  const { placed, sources: seen } = asked as Readonly<Record<string, unknown>>;
  const { placed: nowPlaced, sources: nowSeen } = toldBy(trace) as Readonly<Record<string, unknown>>;
  expect([nowPlaced, nowSeen]).toEqual([placed, seen]);
});

test("an index that is damaged, or of another trace, is not used", async () => {
  const { folder, log, indexFile } = scratch();
  await write(new Trace(folder, { mayWrite, indexFile, indexFrom: 1 }), randomFrom(seed), 100);
  const open = () => LineIndex.open(indexFile, log);
  const first = open();
  expect(first).toBeDefined();
  first!.close();
  const bytes = readFileSync(indexFile);
  for (const at of [3, 40, bytes.length - 5]) {
    const damaged = Buffer.from(bytes);
    damaged[at]! ^= 1;
    writeFileSync(indexFile, damaged);
    expect(open()).toBeUndefined();
  }
  writeFileSync(indexFile, bytes.subarray(0, 100));
  expect(open()).toBeUndefined();
  writeFileSync(indexFile, bytes);
  const copy = `${log}.copy`;
  copyFileSync(log, copy);
  expect(LineIndex.open(indexFile, copy)).toBeUndefined();
  truncateSync(log, statSync(log).size - 1);
  expect(open()).toBeUndefined();
});

test("keys that share a hash do not share lines", () => {
  const { folder } = scratch();
  const [log, index] = [join(folder, "log"), join(folder, "index")];
  const lines = Array.from({ length: 3000 }, (_, i) => `line ${i}\n`);
  writeFileSync(log, lines.join(""));
  const builder = new LineIndexBuilder();
  const offsets: number[] = [];
  let offset = 0;
  for (const [i, line] of lines.entries()) {
    offsets.push(offset);
    builder.add(`key ${i % 1000}`, offset);
    offset += line.length;
  }
  builder.save(index, log);
  const kept = LineIndex.open(index, log)!;
  for (let i = 0; i < 1000; i++) {
    const own = [i, i + 1000, i + 2000];
    expect(kept.offsetsOf(`key ${i}`)).toEqual(own.map((number) => offsets[number]));
    expect(own.map((number) => kept.lineAt(offsets[number]!))).toEqual(own.map((number) => `line ${number}`));
  }
  expect(kept.offsetsOf("another")).toEqual([]);
  kept.close();
});

test("a trace that is closed answers as before", async () => {
  const { folder, indexFile } = scratch();
  await write(new Trace(folder, { mayWrite, indexFile, indexFrom: 1 }), randomFrom(seed), 100);
  const asked = toldBy(new Trace(folder));
  const trace = new Trace(folder, { indexFile });
  trace.find(cores[0]!);
  trace.close();
  expect(toldBy(trace)).toEqual(asked);
});

test("an index is not written over lines that somebody else has moved", () => {
  const { folder } = scratch();
  const [log, index] = [join(folder, "log"), join(folder, "index")];
  writeFileSync(log, "one\ntwo\n");
  const builder = new LineIndexBuilder();
  builder.add("two", 5);
  builder.save(index, log);
  expect(LineIndex.open(index, log)).toBeUndefined();
});
