// docs/read_run.py: a reader of runs in another language, written from docs/formats.md alone. It agrees with exp on keys, and finds damage.

import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { RunStateJson } from "../src/runs/run.ts";
import { openMember, members } from "./compat/open.ts";
import { repository, type Rig } from "./rig.ts";

const script = join(repository, "docs/read_run.py");
const hasPython = spawnSync("python3", ["--version"]).status === 0;

function read(rig: Rig, run = "default"): { readonly code: number | null; readonly lines: readonly string[] } {
  const done = spawnSync("python3", [script, rig.root, run], { encoding: "utf8" });
  return { code: done.status, lines: (done.stdout + done.stderr).trimEnd().split("\n") };
}
const wrong = (rig: Rig) => read(rig).lines.filter((line) => line.startsWith("wrong: "));

/** Changes one bit in the middle, as a disk may. */
function flipBit(file: string): void {
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1]! ^= 1;
  chmodSync(file, 0o644);
  writeFileSync(file, bytes);
}

describe.skipIf(!hasPython)("a reader in Python (python3)", () => {
  test.each(members)("agrees with exp on the keys, states and digests of %s", async (member) => {
    const rig = openMember(member);
    const { code, lines } = read(rig);
    expect(lines.filter((line) => line.startsWith("wrong: "))).toEqual([]);
    expect(code).toBe(0);
    expect(lines.at(-1)).toMatch(/^checked: \d\d core keys, 6 item keys, 8 files, \d\d blobs$/);
    const state = JSON.parse((await rig.exp("runs", "show", "default", "--json")).stdout) as RunStateJson;
    for (const [target, { key, at, took_ms, items, outputs = {} }] of Object.entries(state.targets)) {
      const line = lines.find((one) => one.startsWith(`${target}  `))!;
      expect(line).toContain(key);
      // Of a fan-out run.yaml has the time of all that was made for it, the script that of the merge.
      const took = items === undefined ? `  ${Math.round(took_ms!)} ms` : `ms  ${items} items`;
      expect(line).toContain(`${at!.slice(0, 19)}+00:00`);
      expect(line).toContain(took);
      for (const [slot, digest] of Object.entries(outputs)) expect(lines).toContain(`  ${slot}  ${digest}`);
    }
  });

  test("reads a run that exp has just built", async () => {
    const rig = openMember(members.at(-1)!);
    rig.remove("runs");
    rig.remove("cache");
    await rig.build([], 0);
    expect(read(rig)).toMatchObject({ code: 0 });
  });

  test("finds an output that was changed, one that is missing, and a file of a tree", () => {
    const rig = openMember(members.at(-1)!);
    flipBit(rig.path("runs/default/square/all.json"));
    rig.remove("runs/default/sum/sum.txt");
    rig.remove("runs/default/prepare/folder/part-1.txt");
    flipBit(rig.path("runs/default/prepare/folder/part-2.txt"));
    expect(read(rig).code).toBe(1);
    expect(wrong(rig)).toEqual([
      expect.stringMatching(/^wrong: runs\/default\/prepare\/folder\/part-1.txt: is missing$/),
      expect.stringMatching(
        /^wrong: runs\/default\/prepare\/folder\/part-2.txt: its content is not that of the result, /,
      ),
      expect.stringMatching(/^wrong: runs\/default\/square\/all.json: its content is not that of the result, /),
      expect.stringMatching(/^wrong: runs\/default\/sum\/sum.txt: is missing$/),
    ]);
  });

  test("finds a flipped bit in a blob of the archive and of the cache", () => {
    for (const store of ["runs/.archive/blobs", "cache/blobs"]) {
      const rig = openMember(members.at(-1)!);
      const state = rig.read("runs/default/run.yaml");
      const tree = /folder: ([0-9a-f]{64})/.exec(state)![1]!;
      const code = readdirSync(rig.path("runs/.archive/code"))
        .map((name) => name.slice(0, 64))
        .find((digest) => rig.read("runs/default/trace/trace.jsonl").includes(digest))!;
      const digest = store.startsWith("cache") ? tree : code;
      const path = `${store}/${digest.slice(0, 2)}/${digest}`;
      flipBit(rig.path(path));
      expect(wrong(rig)).toContain(`wrong: ${path}: its content is not what its name says`);
    }
  });

  test("finds a record that was changed", () => {
    const rig = openMember(members.at(-1)!);
    rig.edit("runs/default/trace/trace.jsonl", '"factor":2', '"factor":3');
    expect(wrong(rig)).toEqual([expect.stringMatching(/^wrong: the record of [0-9a-f]{64} has another key: /)]);
  });

  test("refuses what a newer exp wrote", () => {
    const rig = openMember(members.at(-1)!);
    rig.edit("runs/default/trace/trace.jsonl", '{"v":1}', '{"v":2}');
    expect(read(rig)).toEqual({
      code: 2,
      lines: [expect.stringContaining("the trace has format 2, and this script reads 1")],
    });
  });

  test("writes numbers as JavaScript does", () => {
    const numbers = [0.1, -0, 1e21, 1e20, 123456789012345680000, 1e-7, 1e-6, 5e-324, 1.7976931348623157e308, -1.5, 100, 2 ** 53, 1 / 3, 1.5e300, 12e-10]; // prettier-ignore
    const print = `import json,sys; sys.path.insert(0, "docs"); import read_run; print([read_run.number_text(n) for n in json.loads(sys.argv[1])])`;
    const printed = execFileSync("python3", ["-B", "-c", print, JSON.stringify(numbers)], { cwd: repository });
    expect(JSON.parse(printed.toString().replaceAll("'", '"'))).toEqual(numbers.map((n) => String(n)));
  });
});
