// The reference vocabulary's models (Bradley–Terry, survival, mixed) as calls of `expfile/stats`.
import * as stats from "../../src/stats/index.ts";
import { NotOffered } from "./not-offered.ts";
import { findInput, loadTable } from "./statistics-data.ts";
import { on } from "./adapter.ts";
import type { Call, CaseContext } from "./adapter.ts";

interface Comparisons {
  readonly items?: readonly string[];
  readonly wins?: unknown;
  readonly wins_home_away?: unknown;
  readonly reference: string;
}
interface Formula {
  readonly data: string;
  readonly formula: string;
  readonly REML?: boolean;
}
interface Subjects {
  readonly rows: unknown;
}

export const modelStatistics: Readonly<Record<string, Call>> = {
  bradley_terry_mle: on<Comparisons>(({ items, wins, wins_home_away, reference }, context) => {
    const contests = contestsIn(wins ?? wins_home_away, wins === undefined ? "wins_home_away" : "wins", context);
    const { ability, standardError, deviance, df } = stats.bradleyTerry(items!, contests, { reference });
    return { ability, se: standardError, deviance, df };
  }),
  bradley_terry_with_order_effect: on<Comparisons>(({ wins_home_away, items, reference }, context) => {
    const contests = contestsIn(wins_home_away, "wins_home_away", context);
    const names = items ?? itemsOf(contests, reference, context);
    const fit = stats.bradleyTerry(names, contests, { reference, withOrderEffect: true });
    return {
      ability: fit.ability,
      order_effect: fit.orderEffect!.estimate,
      order_effect_se: fit.orderEffect!.standardError,
      order_effect_p: fit.orderEffect!.pValue,
      deviance: fit.deviance,
      df: fit.df,
    };
  }),

  mixed_model_random_intercept: on<Formula>((input) => {
    const { model, columns } = fitFormula(input);
    const fixef = model.fixed.map(({ estimate }) => estimate);
    return {
      fixef,
      ...variances(model, columns),
      var_subject: model.random[0]![0]![0]!,
      var_resid: model.residualVariance,
    };
  }),
  mixed_model_random_slope: on<Formula>((input, { expected }) => {
    const { model } = fitFormula(input);
    const covariance = model.random[0]!;
    const [intercept, slope, shared] = [covariance[0]![0]!, covariance[1]![1]!, covariance[1]![0]!];
    const asked = (expected as { var?: readonly number[] } | undefined)?.var?.length ?? 4;
    return {
      fixef: model.fixed.map(({ estimate }) => estimate),
      se: model.fixed.map(({ standardError }) => standardError),
      df_satterthwaite: model.fixed.map(({ df }) => df),
      t_days: model.fixed[1]!.t,
      // Cases list the variances with or without the covariance.
      var:
        asked === 3 ? [intercept, slope, model.residualVariance] : [intercept, slope, shared, model.residualVariance],
      reml: model.criterion,
    };
  }),
  mixed_model_crossed: on<Formula>((input) => {
    const { model, columns } = fitFormula(input);
    return { mean: model.fixed[0]!.estimate, ...variances(model, columns), var_resid: model.residualVariance };
  }),

  log_rank: on<Subjects>(({ rows }, context) => {
    const groups = groupSubjects(subjectsIn(rows, context));
    const { chiSquared, df, pValue, expected } = stats.logRank([...groups.values()]);
    return { chi2: chiSquared, df, p: pValue, expected };
  }),
  kaplan_meier: on<Subjects & { readonly group: string }>(({ rows, group }, context) => {
    const { steps, median } = stats.kaplanMeier(chooseGroup(subjectsIn(rows, context), group));
    return { time: steps.map(({ time }) => time), surv: steps.map(({ survival }) => survival), median };
  }),
  cox_ph_efron: on<Subjects>(({ rows }, context) => {
    const subjects = subjectsIn(rows, context);
    const names = [...new Set(subjects.map(({ group }) => group))].sort();
    const code = (group: string): number => (Number.isFinite(Number(group)) ? Number(group) : names.indexOf(group));
    const fitted = stats.coxRegression(subjects.map((subject) => ({ ...subject, covariates: [code(subject.group)] })));
    const { estimate, standardError, pValue } = fitted[0]!;
    return { coef: estimate, se: standardError, p: pValue };
  }),
};

/** Contests written as [first, second, wins, wins], or named in words. */
function contestsIn(wins: unknown, field: string, { id, cases = [] }: CaseContext): stats.Contest[] {
  const rows =
    typeof wins === "string"
      ? (findInput(wins, field, id, cases) ?? loadTable(wins).map((row) => Object.values(row)))
      : (wins as unknown[][]);
  return rows.map((row): stats.Contest => {
    const [first, second, firstWins = 1, secondWins = 0] = row;
    return {
      first: String(first),
      second: String(second),
      firstWins: Number(firstWins),
      secondWins: Number(secondWins),
    };
  });
}

/** The items in the order of the case they come from, else with the reference first and the others sorted by name. */
function itemsOf(contests: readonly stats.Contest[], reference: string, { cases = [] }: CaseContext): string[] {
  const names = new Set(contests.flatMap(({ first, second }) => [first, second]));
  const listed = cases
    .map(({ input }) => (input as { items?: unknown }).items)
    .find(
      (items) => Array.isArray(items) && items.length === names.size && items.every((item) => names.has(String(item))),
    );
  return (listed as string[] | undefined) ?? [reference, ...[...names].filter((name) => name !== reference).sort()];
}

interface Subject extends stats.Observation {
  readonly group: string;
}

/** Subjects written as [time, status, group] or [group, time, status], or named in words. */
function subjectsIn(rows: unknown, { id, cases = [] }: CaseContext): Subject[] {
  const table =
    typeof rows === "string"
      ? (findInput(rows, "rows", id, cases) ?? loadTable(rows).map((row) => Object.values(row)))
      : (rows as unknown[][]);
  const distinct = [0, 1, 2].map((column) => new Set(table.map((row) => row[column])).size);
  const isTimeFirst = distinct[0]! >= distinct[1]!;
  const [time, status, group] = isTimeFirst ? [0, 1, 2] : [1, 2, 0];
  const happened = Math.max(...table.map((row) => Number(row[status])));
  return table.map((row) => ({
    time: Number(row[time]),
    event: happened > 0 && Number(row[status]) === happened,
    group: String(row[group]),
  }));
}

function groupSubjects(subjects: readonly Subject[]): Map<string, Subject[]> {
  const groups = new Map<string, Subject[]>();
  const names = [...new Set(subjects.map(({ group }) => group))].sort();
  for (const name of names)
    groups.set(
      name,
      subjects.filter(({ group }) => group === name),
    );
  return groups;
}

/** The group that a case names, as a value ("1", "group=1") or by its name or the start of it. */
function chooseGroup(subjects: readonly Subject[], name: string): Subject[] {
  const groups = groupSubjects(subjects);
  const plain = name
    .replace(/^.*=\s*/, "")
    .trim()
    .toLowerCase();
  const found = [...groups.keys()].find((group) => group.toLowerCase() === plain);
  const named = found ?? [...groups.keys()].find((group) => plain.startsWith(group.toLowerCase()) && group.length > 1);
  const last = named ?? [...groups.keys()].find((group) => new RegExp(`\\b${group}\\b`, "i").test(name));
  if (last === undefined) throw new NotOffered(`no group "${name}"`);
  return groups.get(last)!;
}

/** Fits a formula in the notation of lme4, such as "Reaction ~ Days + (1 | Subject)". */
function fitFormula({ data, formula, REML: reml = true }: Formula): {
  readonly model: stats.MixedModel;
  readonly columns: readonly string[];
} {
  const rows = loadTable(data.includes(".csv") ? data : `${data}: ${formula}`);
  const [response, right] = formula.split("~").map((part) => part.trim());
  const bars = [...right!.matchAll(/\(([^|()]+)\|([^|()]+)\)/g)];
  const terms = (text: string): string[] =>
    text
      .split("+")
      .map((term) => term.trim())
      .filter((term) => term !== "" && term !== "1");
  const column = (name: string): number[] => rows.map((row) => Number(row[name]));
  const model = stats.mixedModel(
    {
      response: column(response!),
      fixed: terms(right!.replace(/\([^)]*\)/g, "")).map(column),
      random: bars.map(([, slopes, by]) => ({
        by: rows.map((row) => row[by!.trim()]!),
        slopes: terms(slopes!).map(column),
      })),
    },
    { reml },
  );
  return { model, columns: bars.map(([, , by]) => by!.trim()) };
}

function variances(model: stats.MixedModel, columns: readonly string[]): Readonly<Record<string, number>> {
  return Object.fromEntries(columns.map((name, i) => [`var_${name.toLowerCase()}`, model.random[i]![0]![0]!]));
}
