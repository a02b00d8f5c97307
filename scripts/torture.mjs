// `npm run torture [-- KIND…]`: the tests of test/reliability with their full counts. Writes docs/reliability.md: for each kind the machine, the
// date, the seed, what was done and what was found. With kinds (`kill`, `soak`), only their sections are written anew. For hours, not for every day.

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir, totalmem, type } from "node:os";
import { basename, join } from "node:path";
import { format, resolveConfig } from "prettier";

const root = new URL("..", import.meta.url).pathname;
const page = join(root, "docs", "reliability.md");
const folder = join(root, "test", "reliability");
const kinds = readdirSync(folder)
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => basename(name, ".test.ts"))
  .sort();
const asked = process.argv.slice(2);
const unknown = asked.filter((kind) => !kinds.includes(kind));
if (unknown.length > 0) {
  console.error(`there is no ${unknown.join(", ")}: choose of ${kinds.join(", ")}`);
  process.exit(2);
}
const seed = Number(process.env.EXP_TEST_SEED ?? Date.now() % 1_000_000);
console.log(`seed ${seed}`);

const sections = new Map(readSections());
let isBroken = false;
for (const kind of asked.length > 0 ? asked : kinds) {
  const { section, isGood } = torture(kind);
  sections.set(kind, section);
  isBroken ||= !isGood;
  // Each as it ends: a night that is cut short has told what it knows.
  const text = pageOf(kinds.flatMap((name) => sections.get(name) ?? []).join("\n"));
  writeFileSync(page, await format(text, { ...(await resolveConfig(page)), filepath: page }));
}
process.exitCode = isBroken ? 1 : 0;

function torture(kind) {
  const scratch = mkdtempSync(join(tmpdir(), "exp-torture-"));
  const [results, findings] = [join(scratch, "results.json"), join(scratch, "found.jsonl")];
  const startedAt = new Date();
  const args = [
    "run",
    `test/reliability/${kind}.test.ts`,
    "--reporter=default",
    "--reporter=json",
    `--outputFile=${results}`,
  ];
  spawnSync(join(root, "node_modules", ".bin", "vitest"), args, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, EXP_TORTURE: "1", EXP_TEST_SEED: String(seed), EXP_TORTURE_FOUND: findings },
  });
  const report = existsSync(results) ? JSON.parse(readFileSync(results, "utf8")) : { testResults: [] };
  const found = existsSync(findings)
    ? readFileSync(findings, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))
    : [];
  rmSync(scratch, { recursive: true, force: true });
  const tests = report.testResults.flatMap((file) => [...file.assertionResults, ...brokenHooks(file)]);
  const of = (...states) => tests.filter((test) => states.includes(test.status));
  const [passed, failed, skipped] = [of("passed"), of("failed"), of("skipped", "pending", "todo")];
  const isGood = failed.length === 0 && passed.length > 0;
  return { section: sectionOf(kind, { startedAt, passed, failed, skipped, found }), isGood };
}

/** What failed beside tests, such as what opens and closes what they need. */
function brokenHooks({ name, status, message, assertionResults }) {
  if (status !== "failed" || assertionResults.some((test) => test.status === "failed")) return [];
  return [{ status: "failed", fullName: basename(name), failureMessages: [message || "a hook of it failed"] }];
}

function sectionOf(kind, { startedAt, passed, failed, skipped, found }) {
  const took = Math.round((Date.now() - startedAt.getTime()) / 1000);
  const list = (title, tests, more) =>
    tests.length === 0 ? [] : [title, "", ...tests.map((test) => `- ${plain(more(test))}`), ""];
  const counts = process.env.EXP_COUNTS === undefined ? "" : ` with ${process.env.EXP_COUNTS}`;
  return [
    `## ${kind}`,
    "",
    `${opening(kind)}`,
    "",
    `${startedAt.toISOString().slice(0, 10)}, seed ${seed}${counts}, ${took} s, ${machine()}: ` +
      `${passed.length} passed, ${failed.length} failed, ${skipped.length} skipped.`,
    "",
    ...list("Figures:", found, ({ text }) => text),
    ...list(
      "Failed:",
      failed,
      ({ fullName, failureMessages }) => `${fullName}: ${(failureMessages[0] ?? "").split("\n")[0]}`,
    ),
    ...list("Skipped, because this machine does not allow it:", skipped, ({ fullName }) => fullName),
  ].join("\n");
}

/** What the tests of a kind say of themselves. */
function opening(kind) {
  const lines = readFileSync(join(folder, `${kind}.test.ts`), "utf8").split("\n");
  const comment = lines.slice(
    0,
    lines.findIndex((line) => !line.startsWith("// ")),
  );
  return plain(comment.map((line) => line.slice(3)).join(" "));
}

function machine() {
  const gib = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} × ${cpus()[0]?.model.trim() ?? "unknown processor"}, ${gib} GiB, ${type()} ${release()}, Node ${process.version}`;
}

/** No places of this machine, and nothing that Markdown would take for its own. */
function plain(text) {
  return text.replaceAll(root, "").replaceAll(tmpdir(), "TMP").replaceAll("<", "&lt;");
}

function readSections() {
  if (!existsSync(page)) return [];
  const [, ...parts] = readFileSync(page, "utf8").split(/^## /m);
  return parts.map((part) => [part.slice(0, part.indexOf("\n")), `## ${part.trimEnd()}\n`]);
}

function pageOf(body) {
  return `# Reliability

<!-- Written by \`npm run torture\`. Do not edit. -->

What \`npm run torture\` did to exp, and what it found. \`npm test\` does the same with small counts. Each section is a file of
test/reliability/; \`npm run torture -- KIND\` runs one of them, and \`EXP_TEST_SEED=n\` repeats what was drawn.

${body}`;
}
