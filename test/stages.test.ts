// The fast way to write and read run.yaml against the library, whose text and meaning it must have.

import fc from "fast-check";
import { parse, stringify } from "yaml";
import { describe, expect, test } from "vitest";
import { Stages, type StageState } from "../src/runs/stages.ts";
import { isPlainKey, readPlain, writePlain, type PlainMap } from "../src/util/plain-yaml.ts";

const digest = fc.stringMatching(/^[0-9a-f]{64}$/);
const words = fc.constantFrom(
  "true",
  "null",
  "Yes",
  "~",
  "1e9",
  "0x1f",
  ".5",
  "1_000",
  "2026-11-20",
  "2026-11-20T11:58:03.432Z",
  "config judge.model: a → b",
  "code: + mine",
  "a #b",
  "a: ",
  "ends with:",
  " begins with a space",
  "ends with one ",
  "two\nlines",
  "- item",
  "it's",
  'she said "so"',
  "[a]",
  "{a: b}",
  "=",
  "",
  "0",
  "-1",
  "12:30",
  "0123",
  "5e3",
  "12e45678901234567890123456789012345678901234567890123456789012345",
  "…",
  "a\u0085b",
  "a\u2028b",
  "1 target, 3 items (2 cached)",
);
const text = fc.oneof(words, digest, fc.string({ unit: "grapheme" }), fc.stringMatching(/^[ -~]{0,20}$/));
const number = fc.oneof(
  fc.constantFrom(0, -0, 1e15, 1e21, 1e-7, -0.5),
  fc.nat(),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const key = fc.oneof(fc.stringMatching(/^[A-Za-z_][\w-]{0,5}$/), words);
const stage = fc.record(
  {
    status: fc.constantFrom("done", "failed", "cleaned"),
    key: digest,
    at: text,
    took_ms: number,
    items: fc.nat(),
    reason: text,
    waits_for: fc.array(text, { maxLength: 3 }),
    accepted: fc.record({ at: text, by: text, because: text }),
    outputs: fc.dictionary(key, fc.oneof(digest, text), { maxKeys: 3 }),
  },
  { requiredKeys: ["status"] },
);

test("what is written is what the library writes", () => {
  fc.assert(
    fc.property(stage, (value) => {
      const written = writePlain(value, 0);
      if (written !== undefined) expect(written).toBe(stringify(value, { lineWidth: 0 }));
    }),
    { numRuns: 3000 },
  );
});

test("what is read is what the library reads", () => {
  fc.assert(
    fc.property(stage, (value) => {
      const written = stringify(value, { lineWidth: 0 });
      const read = readPlain(written, 0);
      if (read !== undefined) expect(read).toEqual(parse(written));
    }),
    { numRuns: 3000 },
  );
});

test.each([
  "a: b: c\n",
  "a: b #c\n",
  "a: &x b\n",
  "a: 1\na: 2\n",
  "a: 1\n  b: 2\n",
  "a:\n  - b\n c: d\n",
  "a: 'b'\n",
  "a:\tb\n",
  "a: b",
  "a: 0o17\n",
  "a: 1e5\n",
  "a: .nan\n",
  "a: 12345678901234567890\n",
  "yes: 1\n",
  "? a\n",
])("%j is left to the library", (damaged) => {
  expect(readPlain(damaged, 0)).toBeUndefined();
});

describe("stages", () => {
  const done: StageState = {
    status: "done",
    key: "28c1a7b825af6cf7478d69f8efed99e7efaa33d24bc94c4e9d39b1270dbb6401",
    at: "2026-11-20T11:58:03.432Z",
    took_ms: 1,
    reason: "config judge.model: a → b",
    outputs: { out: "7f8463f5487fc14fbc77ca0c73f844ba27a7ea3d655df50b02ccf71b33f17612" },
  };

  test("of a usual run need no library", () => {
    const text = writePlain(done as unknown as PlainMap, 4);
    expect(text).toBeDefined();
    expect(readPlain(text!, 4)).toEqual(done);
  });

  test("any stages come back, in the library's text", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[A-Za-z][\w-]{0,4}$/), stage), (drawn) => {
        // Numbers that are names come first in any object.
        const values = { ...drawn } as Record<string, StageState>;
        const bytes = Buffer.concat([Buffer.from("targets:"), Stages.of(values).bytes]);
        expect(bytes.toString()).toBe(stringify({ targets: values }, { lineWidth: 0 }));
        const read = Stages.ofBytes(bytes.subarray("targets:\n".length));
        if (read === undefined) return;
        expect(read.toJSON()).toEqual((parse(bytes.toString()) as { targets: object }).targets);
        expect(read.bytes).toEqual(bytes.subarray("targets:".length));
      }),
      { numRuns: 1000 },
    );
  });

  test("that nobody has touched are found one by one, and written in their places as all together would be", () => {
    const many = fc.dictionary(fc.stringMatching(/^[A-Za-z][\w-]{0,4}$/), stage, { minKeys: 1, maxKeys: 30 });
    fc.assert(
      fc.property(many, stage, fc.double({ min: 0, max: 1, noNaN: true }), (drawn, other, place) => {
        const values = { ...drawn } as Record<string, StageState>;
        const names = Object.keys(values);
        const { bytes } = Stages.of(values);
        const untouched = Stages.asWritten(bytes);
        untouched.lookNear(place);
        const whole = parse(`targets:${bytes.toString()}`) as { targets: Record<string, StageState> };
        for (const name of names.toReversed()) expect(untouched.get(name)).toEqual(whole.targets[name]);
        expect(untouched.get("nobody")).toBeUndefined();
        const changed = new Map(names.filter((_, i) => i % 3 === 0).map((name) => [name, other as StageState]));
        const replaced = untouched.replaced(changed);
        // A name that has to be quoted is not sought.
        if (replaced !== undefined)
          expect(replaced.bytes.toString()).toBe(Stages.of(values).with(changed).bytes.toString());
        expect(replaced === undefined).toBe([...changed.keys()].some((name) => !isPlainKey(name)));
        expect(Stages.asWritten(bytes).names).toEqual(names);
      }),
      { numRuns: 500 },
    );
  });

  test("of ten thousand are found wherever they are sought", () => {
    const names = Array.from({ length: 10_000 }, (_, i) => `t${i}`);
    const untouched = Stages.asWritten(
      Stages.of(Object.fromEntries(names.map((name, i) => [name, { ...done, build: i }]))).bytes,
    );
    for (const [place, index] of [
      [0, 9_999],
      [1, 0],
      [0.5, 5_000],
      [0.5, 4_000],
      [0.2, 9_000],
    ] as const) {
      // prettier-ignore
      untouched.lookNear(place);
      expect(untouched.get(`t${index}`)?.build).toBe(index);
    }
    const changed = new Map([9_999, 0, 5_000].map((index) => [`t${index}`, { ...done, build: -1 }]));
    const after = Stages.ofBytes(untouched.replaced(changed)!.bytes.subarray(1))!;
    expect([after.get("t0"), after.get("t1"), after.get("t5000"), after.get("t9999")].map((one) => one?.build)).toEqual([-1, 1, -1, -1]); // prettier-ignore
    expect(untouched.replaced(new Map([["t10000", done]]))).toBeUndefined();
    // One that is not there is sought through all of it; the others are known then.
    expect(untouched.costNothing("t10000")).toBe(true);
    for (let i = 10_001; i < 60_000; i++) expect(untouched.get(`t${i}`)).toBeUndefined();
  });

  test("whose words are in no ASCII are as usual as others", () => {
    const words = { ...done, reason: "input a: 4 × é → 日本 …" };
    const stages = Stages.ofBytes(
      Stages.of({ a: { ...done, reason: "input a: 1 B → 2 B" }, b: words }).bytes.subarray(1),
    );
    expect(stages?.get("b")).toEqual(words);
    expect(stages?.standsOn("a", done.key!)).toBe(true);
    expect(stages?.standsOn("b", done.key!)).toBe(true);
  });

  test("that is unusual in its last line is looked at once, however many words come before it", () => {
    const outputs = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`out${i}`, "abcdef".repeat(10)]));
    const odd = { ...done, outputs, left: { out0: "s3://bucket/x" } };
    expect(Stages.ofBytes(Stages.of({ a: odd }).bytes.subarray(1))?.standsOn("a", done.key!)).toBe(true);
  });

  const { key: doneKey, at: doneAt } = done as Required<StageState>;
  const { reason, outputs, ...front } = done;
  /** As a build writes it. */
  const made: StageState = { ...front, build: 3, reason, outputs };
  const news = { build: 7, reason: "its outputs were missing or edited" };
  const putBackIn = (stage: StageState, result = { key: doneKey, at: doneAt }) =>
    Stages.ofBytes(Stages.of({ a: stage }).bytes.subarray(1))!.putBack("a", result, news);

  test("whose outputs were put back are of another build, for another reason; all else stays", () => {
    const before = Stages.ofBytes(Stages.of({ a: made, b: done }).bytes.subarray(1))!;
    const noted = before.putBack("a", { key: doneKey, at: doneAt }, news)!;
    expect(noted.state).toEqual({ ...made, ...news });
    const after = before.with(new Map([["a", noted]]));
    expect(after.bytes.toString()).toBe(Stages.of({ a: { ...made, ...news }, b: done }).bytes.toString());
  });

  test.each<[string, Partial<StageState>]>([
    ["items", { items: 3 }],
    ["what it owes", { spent_usd: 1 }],
    ["where it comes from", { from: "old@3:a" }],
    ["what was left with others", { left: { out: "s3://bucket/x" } }],
    ["who accepted it", { accepted: { at: "2026-11-20T11:58:03.432Z", by: "me", because: "so" } }],
    ["nothing of its build", { build: undefined }],
    ["that it failed", { status: "failed" }],
  ])("of which more is to be said than that are not put back unparsed: %s", (_, more) => {
    expect(putBackIn(made)).toBeDefined();
    expect(putBackIn({ ...made, ...more })).toBeUndefined();
  });

  test.each([
    ["that are not written as usual", (text: string) => text.replace("took_ms: 1", "took_ms: {a: 1}")],
    ["whose lines stand in another order", (text: string) => text.replace(/( +build: 3\n)( +reason: .*\n)/, "$2$1")],
  ])("%s are not put back unparsed", (_, change) => {
    const text = Stages.of({ a: made }).bytes.toString().slice(1);
    expect(change(text)).not.toBe(text);
    const stages = Stages.ofBytes(Buffer.from(change(text)))!;
    expect(stages.putBack("a", { key: doneKey, at: doneAt }, news)).toBeUndefined();
  });

  test("that stand on another result are not put back", () => {
    expect(putBackIn(made, { key: done.outputs!.out!, at: doneAt })).toBeUndefined();
    expect(putBackIn(made, { key: doneKey, at: "2026-11-20T11:58:03.433Z" })).toBeUndefined();
  });

  test("are written in the order of the graph, those that it has no more behind them", () => {
    const before = Stages.of({ old: done, b: done, a: done });
    expect(before.with(new Map([["c", done]]), ["a", "b", "c"]).names).toEqual(["a", "b", "c", "old"]);
  });

  test("a damaged one is not known; the others are", () => {
    const text = Stages.of({ a: done, b: done }).bytes.toString().slice(1);
    const stages = Stages.ofBytes(Buffer.from(text.replace("    status: done", "    ]status: [done")));
    expect(stages?.get("a")).toBeUndefined();
    expect(stages?.get("b")).toEqual(done);
  });

  test("one in which a bit was flipped is known, or stands on nothing: then it is written anew", () => {
    const bytes = Stages.of({ a: done }).bytes.subarray(1);
    for (let at = 0; at < bytes.length * 8; at++) {
      const flipped = Buffer.from(bytes);
      flipped[at >> 3]! ^= 1 << (at & 7);
      const stages = Stages.ofBytes(flipped);
      if (stages?.standsOn("a", done.key!) === true) expect(stages.get("a"), flipped.toString()).toBeDefined();
    }
    expect(Stages.ofBytes(bytes)?.standsOn("a", done.key!)).toBe(true);
  });
});
