// `exp cache sweep`: removes from the shared cache what nobody has used for long. First says what would go.

import { parseAge } from "../api/cache-limits.ts";
import { leastSweepAgeMs, sweepShared, type Amount } from "../backends/store/shared-sweep.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import { countOf, formatBytes } from "../report/amounts.ts";
import { fail, ok, type Result } from "../util/result.ts";
import type { Answer, Surroundings } from "./cache.ts";
import { exitCodes } from "./table.ts";

export async function sweep({ shared, args, screen }: Surroundings): Promise<Answer> {
  const said = args.flags["older-than"] as string | undefined;
  const age = readAge(said);
  if (!age.ok) return fail([age.error]);
  const { place, access } = shared;
  if (access.remote.keeper === undefined)
    return fail([
      inputFailure(`${place} is behind HTTP, where exp can neither list nor remove`, {
        fix: "Whoever keeps the server does it, in the folder that it serves: find ac cas -type f -atime +90 -delete",
      }),
    ]);
  const isDryRun = args.flags.yes !== true;
  const before = screen.now() - age.value;
  const { kind, swept } = await sweepShared(access, access.remote.keeper, { before, isDryRun });
  if (kind === "newer")
    return fail([
      inputFailure(`${place} holds results of a newer exp, and this one cannot tell what they need`, {
        fix: "Sweep with that exp. Nothing that could be needed was removed.",
      }),
    ]);
  const { there, idle, gone } = swept;
  const isUnseen = kind === "unseen";
  const line = isUnseen
    ? `not all of it could be looked at or removed; gone are ${wordAmount(gone)}`
    : !isDryRun
      ? `removed ${wordAmount(gone)}`
      : idle.results + idle.contents === 0
        ? `nothing that was not used for ${said!}`
        : `${wordAmount(idle)} were not used for ${said!}: --yes removes them`;
  return ok({
    json: {
      place,
      dryRun: isDryRun,
      olderThanMs: age.value,
      whole: !isUnseen,
      there,
      idle,
      gone: isDryRun ? null : gone,
    },
    lines: [`${place}: ${wordAmount(there)}`, line],
    exitCode: isUnseen
      ? exitCodes.failed
      : isDryRun && idle.results + idle.contents > 0
        ? exitCodes.incomplete
        : exitCodes.done,
  });
}

function readAge(text: string | undefined): Result<number, Failure> {
  if (text === undefined) return fail(inputFailure("what is to go?", { fix: "exp cache sweep --older-than 90d" }));
  const age = parseAge(text);
  if (age === undefined || !Number.isFinite(age))
    return fail(inputFailure(`--older-than takes a time, not "${text}"`, { fix: "--older-than 90d" }));
  if (age < leastSweepAgeMs)
    return fail(
      inputFailure(`--older-than takes 2d or more, not "${text}"`, {
        fix: "A use is noted once a day, and what is being published now must not go.",
      }),
    );
  return ok(age);
}

function wordAmount({ results, contents, bytes }: Amount): string {
  return `${countOf(results, "result")} and ${countOf(contents, "content")}, ${formatBytes(bytes)}`;
}
