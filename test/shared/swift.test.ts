// A shared cache in a bucket of OpenStack Swift, which looks at signatures for real.

import { describe, expect, test } from "vitest";
import { makeProject } from "../rig.ts";
import { hasSwift, startSwiftBucket, swiftCredentials, swiftReader } from "./swift.ts";
import { build, digests, files } from "./team.fixture.ts";

describe.skipIf(!hasSwift)("a bucket of OpenStack Swift", () => {
  test("is published to and fetched from, verified, swept of nothing that is in use, and closed to who has another key", async () => {
    const url = await startSwiftBucket();
    const first = makeProject(files);
    expect(await build(first, url, swiftCredentials)).toMatchObject({ code: 0, stderr: "", warnings: [] });
    const second = makeProject(files);
    const fetched = await build(second, url, swiftCredentials);
    expect(fetched).toMatchObject({ code: 0, stderr: "", warnings: [], counts: { computed: 0 } });
    expect(digests(second)).toEqual(digests(first));
    const run = async (...args: readonly string[]) => {
      const env = { ...swiftCredentials, EXP_SHARED_CACHE: url };
      const { code, stdout, stderr } = await first.start(["cache", ...args, "--json"], { env }).finished;
      expect([code, stderr]).toEqual([0, ""]);
      return JSON.parse(stdout) as unknown;
    };
    expect(await run("push")).toMatchObject({ results: 8, there: 8 });
    expect(await run("verify")).toMatchObject({ results: 8, codes: 4, contents: 17, wrong: [] });
    expect(await run("sweep", "--older-than", "2d", "--yes")).toMatchObject({
      there: { results: 12, contents: 17 },
      gone: { results: 0, contents: 0 },
    });
    // Who may not write there reads all the same: what is new is computed, and stays here.
    const reader = makeProject(files);
    const read = await build(reader, url, swiftReader, ["--pages.count=20"]);
    expect(read).toMatchObject({ code: 0, failures: [], counts: { computed: 15, cached: 6 } });
    expect(read.warnings.concat(read.stderr).join("\n")).toMatch(/given results: PUT was answered with 403/);
    expect(await build(makeProject(files), url, swiftReader)).toMatchObject({ warnings: [], counts: { computed: 0 } });
    // Of who signs with another key it takes nothing: that costs a warning, and the build is done.
    const built = await build(makeProject(files), url, { ...swiftCredentials, AWS_SECRET_ACCESS_KEY: "guessed" });
    expect(built).toMatchObject({ code: 0, failures: [] });
    expect(built.warnings.concat(built.stderr).join("\n")).toMatch(/asked for results: .*(signature|403)/i);
  });
});
