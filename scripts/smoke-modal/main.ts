// The smoke test at Modal: says what it will do and what that costs at most, asks, asks its questions one after the other, cleans up, and sums up.
// Exit codes: 0, all is as expected; 1, something is not, or could not be asked; 2, nothing was asked.

import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";
import { configFile, findCredentials } from "../../src/backends/executors/modal/credentials.ts";
import { listPrices } from "../../src/backends/executors/modal/prices.ts";
import { loadSdk } from "../../src/backends/executors/modal/sdk.ts";
import { readTextIfThere } from "../../src/util/fs.ts";
import { questions, unasked, type Question } from "./questions.ts";
import { mostUsd, Session } from "./session.ts";

const longestMs = 8 * 60_000;
const most = 1;
const address = process.env.MODAL_SERVER_URL ?? "https://api.modal.com:443";
const isLocal = /^https?:\/\/(?:127\.0\.0\.1|localhost|\[::1\])(?::|\/|$)/.test(address);

const { values: flags } = parseArgs({
  options: { yes: { type: "boolean" }, "without-gpu": { type: "boolean" }, about: { type: "string" } },
});

process.exitCode = await main();

async function main(): Promise<number> {
  const asked = questions.filter(({ about, runs, isForCloudOnly = false }) => {
    if ((isLocal && isForCloudOnly) || !about.includes(flags.about ?? "")) return false;
    return flags["without-gpu"] !== true || runs.every(({ gpu }) => gpu === undefined);
  });
  const credentials = findCredentials(process.env, readTextIfThere(configFile(process.env)));
  const sdk = await loadSdk();
  if (!credentials.ok || !sdk.ok) {
    const lack = credentials.ok ? (sdk.ok ? undefined : sdk.error) : credentials.error;
    console.error(`${lack!.what}\n${lack!.fix}`);
    return 2;
  }
  const usd = asked.flatMap(({ runs }) => runs).reduce((sum, run) => sum + mostUsd(run), 0);
  announce(asked, credentials.value.from, usd);
  if (usd > most) {
    console.error(`That is more than $${most}: nothing is done.`);
    return 2;
  }
  if (!(await isAgreed())) return 2;

  const stop = new AbortController();
  const late = setTimeout(() => stop.abort(new Error("the time is up")), longestMs);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort(new Error("interrupted")));
  const session = new Session(sdk.value, stop.signal);
  const answers: Answer[] = [];
  let problems: readonly string[];
  try {
    const given = { session, stop: stop.signal, stopped: aborted(stop.signal) };
    for (const question of asked) answers.push(await answerOf(question, given));
  } finally {
    clearTimeout(late);
    problems = await session.cleanUp();
  }
  sumUp(answers, session, problems);
  const isGood = answers.every(({ verdict }) => verdict === "as expected" || verdict === "learnt");
  return isGood && problems.length === 0 ? 0 : 1;
}

interface Answer {
  readonly question: Question;
  readonly verdict: "as expected" | "OTHERWISE" | "learnt" | "NOT ANSWERED";
  readonly found: string;
}

interface Given {
  readonly session: Session;
  readonly stop: AbortSignal;
  /** Rejects when the time is up, or somebody has interrupted it. */
  readonly stopped: Promise<never>;
}

async function answerOf(question: Question, given: Given): Promise<Answer> {
  console.log(`\n${question.about}`);
  console.log(`  expected: ${question.expected}`);
  const answer = await ask(question, given);
  console.log(`  found:    ${answer.found}${answer.verdict === "OTHERWISE" ? "  <- OTHERWISE" : ""}`);
  console.log(`  for us:   ${question.meaning}`);
  return answer;
}

async function ask(question: Question, { session, stop, stopped }: Given): Promise<Answer> {
  try {
    stop.throwIfAborted();
    const { found, isAsExpected } = await Promise.race([question.ask(session), stopped]);
    const verdict = isAsExpected === undefined ? "learnt" : isAsExpected ? "as expected" : "OTHERWISE";
    return { question, verdict, found };
  } catch (error) {
    return { question, verdict: "NOT ANSWERED", found: (error as Error).message };
  }
}

function announce(asked: readonly Question[], from: string, usd: number): void {
  const containers = asked.reduce((sum, { runs }) => sum + runs.length, 0);
  console.log(
    `Asks ${isLocal ? `a LOCAL SERVER (${address}), not Modal: the answers are its own` : `Modal (${address})`}, as ${from}:`,
  );
  for (const { about, runs } of asked) {
    const kinds = [...new Set(runs.map(({ what }) => what))].join(", ");
    console.log(
      `- ${about}${kinds === "" ? "" : `: ${runs.length === 1 ? kinds : `${runs.length} containers, ${kinds}`}`}`,
    );
  }
  console.log(
    `It begins ${containers} containers, each of which ends by itself after two minutes at most, in the app exp-smoke, and one volume, which it deletes. That takes about five minutes, ${longestMs / 60_000} at most, and costs at most $${usd.toFixed(2)} by the list of ${listPrices.asOf}; most of them end at once.`,
  );
}

async function isAgreed(): Promise<boolean> {
  if (flags.yes === true) return true;
  if (!process.stdin.isTTY) {
    console.error("Nobody can be asked here: say --yes, and it is done.");
    return false;
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question("Go on? [y/N] ");
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

function sumUp(answers: readonly Answer[], session: Session, problems: readonly string[]): void {
  console.log(isLocal ? "\nOf a LOCAL SERVER, not of Modal:" : "\nOf Modal:");
  const width = Math.max(...answers.map(({ question }) => question.about.length));
  for (const { question, verdict, found } of answers)
    console.log(`${question.about.padEnd(width)}  ${verdict.padEnd(12)}  ${found}`);
  for (const one of unasked) console.log(`not asked, because nobody can bring it about: ${one}`);
  for (const problem of problems) console.log(`NOT CLEANED UP: ${problem}`);
  console.log(
    `${answers.filter(({ verdict }) => verdict === "as expected" || verdict === "learnt").length} of ${answers.length} as expected or learnt; about $${session.spentUsd.toFixed(3)} spent.${problems.length === 0 ? " All that it began is ended, its volume is deleted." : ""}`,
  );
}

function aborted(signal: AbortSignal): Promise<never> {
  const promise = new Promise<never>((_, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true }),
  );
  // Between two questions nobody waits for it.
  promise.catch(() => undefined);
  return promise;
}
