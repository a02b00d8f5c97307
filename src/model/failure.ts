// What went wrong, as a value: where, what, who needed it, what to do. The wording of the frame lives in report/messages.ts.

/** A place in a text that the user wrote. Lines and columns count from 1; `length` is in UTF-16 units. */
export interface Place {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
  readonly length?: number;
  /** The line itself, kept so that the message can underline it without reading the file again. */
  readonly text?: string;
}

/**
 * `input`: the user's input is wrong (config, Expfile, arguments), exit 2.
 * `action`: an action or gate of a target failed, exit 1.
 */
export interface Failure {
  readonly kind: "input" | "action";
  readonly what: string;
  readonly where?: Place;
  /** The target, rule or command that needed it. */
  readonly neededBy?: string;
  /** What to do about it: a sentence or a command. */
  readonly fix?: string;
  /** More lines, shown indented: the end of a log, a list of problems. */
  readonly details?: readonly string[];
}

export function inputFailure(what: string, more: Omit<Failure, "kind" | "what"> = {}): Failure {
  return { kind: "input", what, ...more };
}

export function actionFailure(what: string, more: Omit<Failure, "kind" | "what"> = {}): Failure {
  return { kind: "action", what, ...more };
}

/** A file in a format that is not known yet: guessing what it says could lose results. */
export function newerFormat(what: string, format: number, known: number, file: string): Failure {
  return inputFailure(`${what} has format ${format}, and this exp reads ${known}`, {
    where: { file },
    fix: "It was written by a newer exp: update this one.",
  });
}

/** Failures on their way up through code that cannot go on; caught at the edge of a stage and turned back into values. */
export class FailureError extends Error {
  readonly failures: readonly Failure[];
  constructor(failures: readonly Failure[]) {
    super(failures.map((failure) => failure.what).join("; "));
    this.failures = failures;
  }
}
