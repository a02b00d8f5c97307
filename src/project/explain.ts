// Fills in what reasons leave open until somebody reads them: functions and lines behind code, paths, rows and files behind inputs.

import type { Reason } from "../model/reason.ts";
import { explainCode } from "./explain-code.ts";
import type { measureInputs as measureInputsOf } from "./measure-inputs.ts";
import type { OpenRun } from "./open-run.ts";
import type { DecidingSession, Project } from "./project.ts";

let measuring: Promise<{ readonly measureInputs: typeof measureInputsOf }> | undefined;

export async function explainReasons(
  project: Project,
  run: OpenRun,
  session: DecidingSession,
  target: string,
  reasons: readonly Reason[],
): Promise<readonly Reason[]> {
  if (reasons.length === 0) return reasons;
  const explained = await explainCode(project, reasons);
  if (!explained.some(({ kind }) => kind === "input")) return explained;
  // It reads tables, for which a library is loaded that few builds need.
  const { measureInputs } = await (measuring ??= import("./measure-inputs.ts"));
  return measureInputs(project, run, session, target, explained);
}
