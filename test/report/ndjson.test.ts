import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Event } from "../../src/model/event.ts";
import { createNdjsonReporter } from "../../src/ui/ndjson.ts";
import { starts } from "./builds.ts";
import { everyEvent, everyReason } from "./every-event.ts";

function linesOf(...events: readonly Event[]): string[] {
  let text = "";
  const reporter = createNdjsonReporter({ write: (more) => (text += more), now: () => 1_795_169_525_000 });
  for (const event of events) reporter.emit(event);
  return text.trimEnd().split("\n");
}

test("an event is one line that begins with what happened and when", () => {
  expect(linesOf(everyEvent["item-finished"], everyEvent.warning)).toEqual([
    '{"event":"item-finished","at":1795169525000,"target":"generate","origin":"computed","tookMs":120,"costUsd":0.002}',
    '{"event":"warning","at":1795169525000,"text":"configs/default.yaml is gone: its last reading is used"}',
  ]);
});

test("what is not known is null, not missing", () => {
  expect(linesOf(starts("judge", { reasons: [] }))).toEqual([
    '{"event":"target-started","at":1795169525000,"target":"judge","reasons":[],"items":null,"due":null,"expectedMs":null}',
  ]);
});

test("a reason carries its data and its words", () => {
  const [line] = linesOf(starts("judge", { reasons: [everyReason.config] }));
  expect(JSON.parse(line!)).toMatchObject({
    reasons: [{ kind: "config", path: "judge.pH", before: 7.4, after: 7, text: "config judge.pH: 7.4 → 7" }],
  });
});

test("the start of a build is dated by the event itself", () => {
  expect(JSON.parse(linesOf(everyEvent["build-started"])[0]!)).toMatchObject({ at: everyEvent["build-started"].at });
});

describe("docs/events.md", () => {
  const page = readFileSync(new URL("../../docs/events.md", import.meta.url), "utf8");
  const sectionOf = (heading: string): string =>
    page.split(/^## /m).find((section) => section.startsWith(heading)) ?? "";

  test.each(Object.values(everyEvent))("describes $kind with every field", (event) => {
    const section = sectionOf(`\`${event.kind}\``);
    const fields = [...section.matchAll(/^\| `(\w+)`/gm)].map((match) => match[1]!);
    const { event: _event, at: _at, ...written } = JSON.parse(linesOf(event)[0]!) as Record<string, unknown>;
    expect(fields).toEqual(Object.keys(written));
  });

  test.each(Object.values(everyReason))("describes the reason $kind with every field", (reason) => {
    const row = new RegExp(`^\\| \`${reason.kind}\` +\\|.*$`, "m").exec(sectionOf("Reasons"))?.[0] ?? "";
    expect(row).not.toBe("");
    for (const field of Object.keys(reason).filter((each) => each !== "kind")) expect(row).toContain(`\`${field}\``);
  });

  test("describes every field of a failure", () => {
    const failure = everyEvent["target-failed"].failures[0]!;
    for (const field of [...Object.keys(failure), ...Object.keys(failure.where!)]) {
      expect(sectionOf("Failures")).toContain(`\`${field}\``);
    }
  });

  test("shows a line as it is written", () => {
    const example = /```text\n(.*)\n```/.exec(page)![1]!;
    expect(Object.keys(JSON.parse(example) as object)).toEqual(
      Object.keys(JSON.parse(linesOf(everyEvent["target-finished"])[0]!) as object),
    );
  });
});
