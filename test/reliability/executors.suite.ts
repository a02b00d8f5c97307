// One suite for every executor: where an action runs must not be told from what it makes, nor from its key.

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Artifacts } from "../../src/model/action.ts";
import type { Storm } from "../modal/server/storm.ts";
import { countsOf, Told } from "../modal/told.ts";
import { makeProject, type Rig, type RunOptions } from "../rig.ts";
import { until } from "../slurm/bench.ts";
import { randomFrom } from "./bench.ts";
import { countOf, found, isTorture, patience, seed } from "./counts.ts";
import type { Place } from "./executors.places.ts";
import { files, journal } from "./executors.project.ts";

/** Of one place; each has a file of its own, so that none waits for the others. */
export function executorSuite(place: Place): void {
  describe.skipIf(place.missing !== undefined)(`executor ${place.name}`, () => {
    beforeAll(place.open);
    // What fifty builds have left on a volume takes minutes to be removed.
    afterAll(place.close, patience.timeout);
    const isTroubled = place.trouble === "here";
    // Faults take their time, each file that is fetched its share of it: all of it where there is enough.
    const share = isTroubled && !isTorture ? 0.4 : place.share;
    if (isTroubled) {
      beforeEach(() => place.weather!().storm.rage());
      afterEach(() => place.weather!().storm.rest());
    }
    /** A promise that holds whatever the platform does: where it does something, it holds also when it does nothing. */
    const whatever: Ask = place.trouble === "elsewhere" ? dontAsk : test;
    const inPeace: Ask = isTroubled ? dontAsk : test;

    const local = { env: { DECLARED: "yes", UNDECLARED: "no", TOKEN: "secret-token-123" } };
    const there = (): RunOptions => ({ env: { ...local.env, ...place.environment() } });
    const args = ["--executor", place.executor];
    const isHere = place.executor === "local";
    /** Whatever an earlier test has left where all of them write. */
    const project = (given: { readonly faults?: string; readonly count?: number } = {}) => makeSuite(place, given);
    const journalOf = (rig: Rig) => join(place.journalFolder(rig), journal);
    const items = (rig: Rig) => linesIn(journalOf(rig), "item");
    /** What is taken back in the middle may have been made, and be made again. */
    const made = (rig: Rig) => (isTroubled ? [...new Set(items(rig))] : items(rig));
    const begun = (rig: Rig) => countsOf(linesIn(journalOf(rig), "begin"));
    const watched = (rig: Rig, count: number) =>
      isTroubled ? new Told(place.weather!().server, numberOfPage(count), () => begun(rig)) : undefined;
    const forget = (rig: Rig) => rmSync(join(place.journalFolder(rig), journal), { force: true });

    test("makes the same bytes under the same keys as this machine does", async () => {
      const rig = project();
      await rig.build([], 0, local);
      const here = keysAndDigests(rig);
      rig.remove("runs");
      rig.remove("cache");
      forget(rig);
      await rig.build(args, 0, there());
      expect(keysAndDigests(rig)).toEqual(here);
      expect(made(rig)).toEqual(upTo(12));
      // And this machine takes it for its own.
      const fresh = { see: "fresh", count: "fresh", draw: "fresh" };
      expect((await rig.build([], 0, local)).targets).toEqual(fresh);
    });

    inPeace("recipes see what they declare, and nothing else", async () => {
      const rig = project();
      await rig.build([...args, "see"], 0, there());
      expect(JSON.parse(rig.read("runs/default/see/seen.json"))).toEqual({
        word: "word",
        DECLARED: "yes",
        TZ: "UTC",
        LC_ALL: "C.UTF-8",
        token: 16,
        here: [],
      });
    });

    inPeace("a secret is in no file of the run, and in no event", async () => {
      const rig = project();
      const built = await rig.build(args, 0, there());
      expect(JSON.stringify(built.events)).not.toContain("secret-token");
      expect(rig.read("runs/default/logs/see.log")).toContain("told ‹TOKEN›");
      expect([
        ...holding(rig.path("runs"), "secret-token"),
        ...holding(place.journalFolder(rig), "secret-token"),
      ]).toEqual([]);
    });

    inPeace("who computed it, and by which executor, is remembered", async () => {
      const rig = project();
      await rig.build(args, 0, there());
      const recipes = resultsIn(rig).filter(({ p }) => p === "recipe" || p === "item");
      expect(new Set(recipes.map(({ r }) => r.executor))).toEqual(new Set([place.executor]));
      expect(recipes.every(({ r }) => /^\S+@\S+$/.test(r.by))).toBe(true);
    });

    whatever("one failing item keeps its neighbours", async () => {
      const rig = project({ faults: "fails=3" });
      const failed = await rig.build([...args, "-k"], 1, there());
      expect(failed.targets).toMatchObject({ draw: "failed" });
      expect(failuresOf(failed.events)).toContain("no luck with 3");
      expect(made(rig)).toEqual(upTo(12).filter((n) => n !== 3));
      forget(rig);
      rig.edit("recipes.ts", 'fault === "fails"', 'fault === "never"');
      // Other code: all are made anew.
      await rig.build(args, 0, there());
      expect(made(rig)).toEqual(upTo(12));
    });

    inPeace("an error that may pass is tried again, as often as the rule says", async () => {
      const rig = project({ faults: "retries=5" });
      const built = await rig.build(args, 0, there());
      const retries = built.events.filter((event) => event.kind === "action-retried");
      expect(retries.map((event) => event.kind === "action-retried" && event.attempt)).toEqual([2, 3]);
      expect(items(rig)).toEqual(upTo(12));
    });

    inPeace("an item that hangs is ended after its time, and its neighbours are kept", async () => {
      const rig = project({ faults: "hangs=2" });
      rig.edit("Expfile.ts", "timeoutMs: 600_000", "timeoutMs: 1500");
      const failed = await rig.build([...args, "-k"], 1, there());
      expect(failuresOf(failed.events)).toMatch(/1\.5 s|1500 ms|time/);
      expect(items(rig)).toEqual(upTo(12).filter((n) => n !== 2));
    });

    inPeace("an item that kills its process is told, and its neighbours are kept", async () => {
      const rig = project({ faults: "dies=4" });
      const failed = await rig.build([...args, "-k"], 1, there());
      expect(failuresOf(failed.events)).toContain("worker process ended by itself");
      // What had ended just before, and was not reported yet, may have been made again.
      expect(new Set(items(rig))).toEqual(new Set(upTo(12).filter((n) => n !== 4)));
    });

    inPeace("a tool that is missing, or of another version, is told by name", async () => {
      const rig = project();
      rig.edit("Expfile.ts", 'secrets: ["TOKEN"]', 'secrets: ["TOKEN"], tools: { "no-such-tool": "1.0" }');
      const failed = await rig.build([...args, "see"], 1, there());
      expect(failuresOf(failed.events)).toContain("no-such-tool is needed and was not found");
      rig.edit("Expfile.ts", '"no-such-tool": "1.0"', 'sh: "1.0", node: "3"');
      const other = await rig.build([...args, "see"], 1, there());
      expect(failuresOf(other.events)).toMatch(/(sh|node) .*is needed/);
    });

    whatever("interrupted, it ends what it began, and the next build goes on", async () => {
      const rig = project({ faults: "slow300", count: 40 });
      const told = watched(rig, 40);
      const build = rig.start(["build", ...args, "--json"], there());
      await until(() => items(rig).length > 3);
      build.process.kill("SIGTERM");
      expect((await build.finished).code).toBe(130);
      expect(place.isAtWork(rig)).toBe(false);
      const before = items(rig);
      expect(before.length).toBeLessThan(40);
      await rig.build(args, 0, there());
      // An item that was under way when it was ended may have written its line and not been taken in.
      expect(new Set(items(rig))).toEqual(new Set(upTo(40)));
      if (told === undefined) expect(items(rig).length).toBeLessThanOrEqual(40 + 8);
      else expect(told.twice(begun(rig))).toEqual([]);
    });

    whatever("2,000 items in batches", async () => {
      const count = 2000 * share;
      const rig = project({ count });
      rig.edit("recipes.ts", /appendFileSync\(journal, "(?:begin|item).*\n/g, "\n");
      const built = await rig.build(args, 0, there());
      expect(built.finished("draw").counts.computed).toBe(count);
      expect(rig.read("runs/default/draw/all.txt")).toMatch(new RegExp(`^000.*${String(count - 1).slice(0, 1)}`, "s"));
    });

    whatever(
      `the driver is killed at any moment, seed ${seed}: nothing that ended is made again, and nothing is left running`,
      async () => {
        const random = randomFrom(seed);
        const kills = Math.ceil(countOf("driverKills") * share);
        let again = 0;
        let finished = 0;
        for (let kill = 0; kill < kills; kill++) {
          place.weather?.().storm.rage();
          const rig = project({ faults: "slow40", count: 60 });
          const told = watched(rig, 60);
          const first = rig.start(["build", ...args, "--json"], there());
          const moment = Math.floor(random() * 55);
          await until(() => items(rig).length >= moment || first.process.exitCode !== null);
          first.process.kill("SIGKILL");
          const reported = (await first.finished).stdout.split("item-finished").length - 1;
          await rig.build(args, 0, there());
          const all = items(rig);
          expect(new Set(all)).toEqual(new Set(upTo(60)));
          // Here the workers die with their driver, and what was under way is made again. Elsewhere it goes on, and is adopted.
          if (told === undefined) expect(all.length - 60).toBeLessThanOrEqual(isHere ? 60 - reported : 0);
          else expect(told.twice(begun(rig))).toEqual([]);
          again += all.length - 60;
          finished += told?.count ?? 0;
          if (!isHere) expect((await rig.start(["sweep"], there()).finished).code).toBe(0);
          await until(() => !place.isAtWork(rig));
          // Whoever was warned of something leaves no stamp.
          const end = (await rig.build(args, 0, there())).targets;
          expect(Object.values(end).filter((origin) => !isTroubled || origin !== "fresh")).toEqual([]);
          told?.close();
        }
        if (isTroubled) expect(finished).toBeGreaterThan(kills * 30);
        found(
          isTroubled
            ? `${place.name}: ${kills} kills of the driver under 60 items each, amid ${wordStorm(place.weather!().storm)}: none of ${finished} items that were finished was made again, ${again} were that were under way`
            : `${place.name}: ${kills} kills of the driver under 60 items each, ${again} items made twice`,
        );
      },
      patience.timeout,
    );
  });
}

type Ask = (name: string, body: () => Promise<void>, timeout?: number) => void;

const dontAsk: Ask = () => undefined;

function makeSuite(
  place: Place,
  { faults = "", count = 12 }: { readonly faults?: string; readonly count?: number },
): Rig {
  const rig = makeProject(files);
  const folder = place.journalFolder(rig);
  for (const name of folder === rig.root ? [] : readdirSync(folder))
    rmSync(join(folder, name), { recursive: true, force: true });
  rig.write({
    "recipes.ts": rig.read("recipes.ts").replaceAll("ROOT", JSON.stringify(folder)),
    "Expfile.ts": rig
      .read("Expfile.ts")
      .replace("  merge:", `  ${place.fanOut?.replace("COUNT", String(count)) ?? ""}\n  merge:`),
    "configs/default.yaml": `version: 1\ndraw: { count: ${count}, faults: "${faults}" }\n`,
    ...(place.settings !== "" && { "exp.local.yaml": place.settings }),
  });
  // Elsewhere each batch is a process or two: so that each has neighbours, and a few are enough. How many thousands travel together is left to the engine.
  if (place.executor !== "local" && count < 100)
    rig.edit("Expfile.ts", "merge: () =>", `batch: ${Math.max(4, count / 10)},\n  merge: () =>`);
  return rig;
}

interface ResultLine {
  readonly p: string;
  readonly c: string;
  readonly k: string;
  readonly l?: string;
  readonly r: { readonly outputs: unknown; readonly executor: string; readonly by: string };
}

function resultsIn(rig: Rig): readonly ResultLine[] {
  return rig
    .read("runs/default/trace/trace.jsonl")
    .split("\n")
    .flatMap((line) => (line.includes('"r":') ? [JSON.parse(line) as ResultLine] : []));
}

function keysAndDigests(rig: Rig): unknown {
  const results = resultsIn(rig).map(({ p, c, k, l, r: { outputs } }) => JSON.stringify({ p, c, k, l, outputs }));
  const placed = ["see", "count", "draw"].flatMap((target) => filesBelow(rig.path(`runs/default/${target}`)));
  const digests = placed.map((path) => [
    path.slice(rig.root.length),
    createHash("sha256").update(readFileSync(path)).digest("hex"),
  ]);
  return { results: results.sort(), digests };
}

/** Of a journal. */
function linesIn(file: string, kind: "begin" | "item"): readonly number[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").matchAll(new RegExp(`^${kind} (\\d+)$`, "gm"));
  return [...lines].map(([, n]) => Number(n)).sort((a, b) => a - b);
}

/** By the page that an item makes, which says nothing but its number. */
function numberOfPage(count: number): (outputs: Artifacts) => number | undefined {
  const numbers = new Map(
    upTo(count).map((n) => [createHash("sha256").update(String(n).repeat(3000)).digest("hex"), n]),
  );
  return ({ page }) => (page?.kind === "file" ? numbers.get(page.blob.digest) : undefined);
}

function wordStorm({ counts }: Storm): string {
  return [...counts]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([what, count]) => `${count} × ${what}`)
    .join(", ");
}

function upTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, n) => n);
}

function failuresOf(events: readonly unknown[]): string {
  return JSON.stringify(events.filter((event) => (event as { kind: string }).kind === "target-failed"));
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function holding(folder: string, text: string): readonly string[] {
  return filesBelow(folder).filter((file) => readFileSync(file).includes(text));
}
