// `npm test`: types, format, lint, tests; the same command here and in CI. Ends with the counts; names what was skipped.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = new URL("..", import.meta.url).pathname;

const folder = mkdtempSync(join(tmpdir(), "exp-results-"));
const results = join(folder, "results.json");
const reporters = ["--reporter=default", "--reporter=json", `--outputFile=${results}`];
// Tests wait for processes more often than for a core: what reads the sources goes on beside them, one after the other, and is told when they have ended.
const [checks, areTestsGood] = await Promise.all([
  lookAtSources(),
  run("vitest", ["run", ...reporters, ...process.argv.slice(2)], "inherit").then(({ isGood }) => isGood),
]);
for (const { output } of checks) process.stdout.write(output);
const broken = [...checks, { name: "tests", isGood: areTestsGood }].flatMap(({ name, isGood }) => (isGood ? [] : name));

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

async function lookAtSources() {
  const checks = [];
  for (const [name, program, args] of [
    ["types", "tsc", ["--noEmit"]],
    ["format", "prettier", ["--check", "--log-level", "warn", "."]],
    ["lint", "eslint", ["."]],
  ])
    checks.push({ name, ...(await run(program, args, "pipe")) });
  return checks;
}

function run(program, args, stdio) {
  const child = spawn(join(root, "node_modules", ".bin", program), args, {
    cwd: root,
    stdio: ["inherit", stdio, stdio],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8").on("data", (text) => (output += text));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ isGood: code === 0, output }));
  });
}
