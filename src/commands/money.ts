// What a command may spend, by --max-usd or EXP_MAX_USD; and how much of it is spent, told now and then while it works.

import { performance } from "node:perf_hooks";
import { Budget } from "../backends/executors/budget.ts";
import type { Emit } from "../model/event.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import { fail, ok, type Result } from "../util/result.ts";
import { readMoney } from "../util/money.ts";
import type { Arguments } from "./arguments.ts";
import type { Screen } from "./screen.ts";

export const maxUsdVariable = "EXP_MAX_USD";

/** Undefined: as much as it takes. The flag counts over the environment. */
export function readMaxUsd(
  { flags }: Arguments,
  { environment }: Pick<Screen, "environment">,
): Result<number | undefined, Failure> {
  const flag = flags["max-usd"] as string | undefined;
  return flag !== undefined ? readDollars("--max-usd", flag) : readDollars(maxUsdVariable, environment[maxUsdVariable]);
}

function readDollars(name: string, text: string | undefined): Result<number | undefined, Failure> {
  if (text === undefined || (text === "" && name === maxUsdVariable)) return ok(undefined);
  const usd = readMoney(text.trim());
  if (usd !== undefined) return ok(usd);
  const assign = name === maxUsdVariable ? `${name}=` : `${name} `;
  return fail(
    inputFailure(`${name} takes a number of dollars, 0 or more, not "${text}"`, {
      fix: `${assign}5, or ${assign}0.50; with ${assign}0 nothing may be paid`,
    }),
  );
}

export function readBudget(args: Arguments, screen: Screen): Result<Budget, Failure> {
  const maxUsd = readMaxUsd(args, screen);
  return maxUsd.ok ? ok(new Budget(maxUsd.value)) : maxUsd;
}

const tellEveryMs = 500;

/** The function returned ends it. */
export function tellSpending(budget: Budget, emit: Emit): () => void {
  let timer: NodeJS.Timeout | undefined;
  let toldAt = -Infinity;
  const tell = () => {
    timer = undefined;
    toldAt = performance.now();
    emit({ kind: "spent", spentUsd: budget.spentUsd, maxUsd: budget.maxUsd });
  };
  if (budget.maxUsd !== undefined) tell();
  const forget = budget.onSpent(() => {
    timer ??= setTimeout(tell, Math.max(0, toldAt + tellEveryMs - performance.now())).unref();
  });
  return () => {
    forget();
    clearTimeout(timer);
  };
}
