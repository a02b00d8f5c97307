// `npm test`: types, lint, tests; the same command here and in CI. Ends with the counts; names what was skipped.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = new URL("..", import.meta.url).pathname;
const bin = (name) => join(root, "node_modules", ".bin", name);
const run = (name, args) => spawnSync(bin(name), args, { cwd: root, stdio: "inherit" }).status === 0;

const folder = mkdtempSync(join(tmpdir(), "exp-results-"));
const results = join(folder, "results.json");
const checks = [
  ["types", () => run("tsc", ["--noEmit"])],
  ["format", () => run("prettier", ["--check", "--log-level", "warn", "."])],
  ["lint", () => run("eslint", ["."])],
  [
    "tests",
    () =>
      run("vitest", [
        "run",
        "--reporter=default",
        "--reporter=json",
        `--outputFile=${results}`,
        ...process.argv.slice(2),
      ]),
  ],
];
const broken = checks.filter(([, check]) => !check()).map(([name]) => name);

let report;
try {
  report = JSON.parse(readFileSync(results, "utf8"));
} catch {
  report = { numPassedTests: 0, numFailedTests: 1, testResults: [] };
}
rmSync(folder, { recursive: true, force: true });
const skipped = report.testResults.flatMap((file) =>
  file.assertionResults.filter((test) => ["skipped", "pending", "todo"].includes(test.status)),
);
for (const test of skipped) console.log(`skipped: ${test.fullName}`);
if (broken.length > 0) console.log(`failed: ${broken.join(", ")}`);
const counts = [
  `${report.numPassedTests} passed`,
  `${report.numFailedTests} failed`,
  ...(skipped.length > 0 ? [`${skipped.length} skipped`] : []),
];
console.log(counts.join(", "));
process.exitCode = broken.length > 0 || report.numFailedTests > 0 ? 1 : 0;
