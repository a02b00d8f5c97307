// A process of the model in collection.test.ts: a build that puts and gets blobs as the engine does, or a collection after the other.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { LocalActionCache } from "../../src/backends/store/action-cache.ts";
import { freshDigests, LocalStore } from "../../src/backends/store/local.ts";
import { Trace } from "../../src/backends/store/trace.ts";
import type { ActionResult } from "../../src/model/action.ts";
import { digestOfBytes, type Digest } from "../../src/model/digest.ts";
import { collect } from "../../src/project/collect/collect.ts";
import { pathsOf } from "../../src/project/paths.ts";
import { Lease } from "../../src/runs/lease.ts";

const [root, kind, name, seedText, countText] = process.argv.slice(2) as [string, string, string, string, string];
const paths = pathsOf(root);
const count = Number(countText);
/** Few contents, so that builds share them, and one build's leftovers are another one's inputs. */
const contents = 60;
const random = randomFrom(Number(seedText));
if (kind === "build") await builds();
else await collections();

async function builds(): Promise<void> {
  let gets = 0;
  for (let round = 0; round < count; round++) {
    const lease = Lease.tryTake(join(paths.cache, "leases", `${name}-${round}`), `model ${name}`);
    const store = new LocalStore(join(paths.cache, "blobs"), freshDigests);
    store.heedMark();
    const folder = join(paths.runs, name);
    const trace = new Trace(folder, { mayWrite: () => true });
    const cache = new LocalActionCache(join(paths.cache, "actions"), join(paths.cache, "uses"));
    const relied = new Map<Digest, string>();
    for (let target = 0; target < 4; target++) {
      const text = `content ${Math.floor(random() * contents)} `.repeat(20);
      const digest = digestOfBytes(text);
      const key = digestOfBytes(`key ${text}`);
      const cached = cache.get(key);
      const isAdopted = cached !== undefined && store.pathOf(digest) !== undefined;
      if (!isAdopted) store.putBytes(text);
      relied.set(digest, text);
      await pause();
      const r: ActionResult = isAdopted ? cached : resultOf(digest, text);
      trace.append({
        t: `t${target}`,
        p: "recipe",
        b: round,
        c: digestOfBytes(`core ${text}`),
        k: key,
        r,
        how: "computed",
      });
      trace.append({ t: `t${target}`, b: round, at: Date.now(), now: digestOfBytes(`core ${text}`) });
      if (!(await trace.commit())) throw new Error("no commit");
      cache.put(key, r);
      for (const [one, expected] of relied)
        gets += expectThere(store, one, expected, `while round ${round} of ${name} is under way`);
    }
    trace.close();
    cache.close(Date.now());
    lease?.release();
    await pause();
    // After the build nothing holds collections off but its trace.
    const after = new LocalStore(join(paths.cache, "blobs"), freshDigests);
    for (const [digest, text] of lastOf(new Trace(folder)))
      gets += expectThere(after, digest, text, `after round ${round} of ${name}`);
  }
  console.log(`built ${count}, ${gets} gets`);
}

/** What the targets stand on, with the text that it must be. */
function lastOf(trace: Trace): Map<Digest, string | undefined> {
  return new Map(
    trace.targets().flatMap((target) => {
      const artifact = trace.find(trace.lastStandingOf(target)!.core)?.result.outputs.out;
      return artifact?.kind === "file" ? [[artifact.blob.digest, undefined] as const] : [];
    }),
  );
}

function expectThere(store: LocalStore, digest: Digest, text: string | undefined, when: string): number {
  const path = store.pathOf(digest);
  if (path === undefined || !existsSync(path)) throw new Error(`lost ${digest} ${when}`);
  if (text !== undefined && readFileSync(path, "utf8") !== text) throw new Error(`wrong ${digest} ${when}`);
  return 1;
}

async function collections(): Promise<void> {
  let swept = 0;
  let waits = 0;
  let round = 0;
  for (; round < 3 || !existsSync(join(root, "stop")); round++) {
    const { gone, waitsFor } = await collect(paths, {
      limits: { maxSizeBytes: Infinity, maxAgeMs: 0 },
      isDryRun: false,
      withArchive: true,
      now: Date.now() + 60_000,
    });
    swept += gone?.cache.blobs ?? 0;
    if (waitsFor.length > 0) waits++;
    await pause();
  }
  console.log(`collected ${round}, swept ${swept}, waited ${waits}`);
}

function resultOf(digest: Digest, text: string): ActionResult {
  const outputs = { out: { kind: "file" as const, blob: { digest, size: text.length } } };
  return { outputs, at: Date.now(), tookMs: 1, costUsd: 0, by: "model", executor: "local", attempts: 1 };
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, random() * 6));
}

function randomFrom(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
}
