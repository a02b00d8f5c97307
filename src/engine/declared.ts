// What functions of a declaration return, held to what their types say: nobody need have compiled the Expfile. Unaware of what they are asked for.

import { amounts, describe } from "../api/declared.ts";
import type { HandoffRequest, Resources } from "../api/rule.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import { fail, ok, type Result } from "../util/result.ts";

/** Who is asked for what, as a message says it. */
interface Asked {
  /** "the command's argv", `the patterns of input "files"`. */
  readonly what: string;
  readonly target: string;
}

/** The words of a command line, at least the program's; a number is a word. */
export function wordsOf(
  asked: Asked,
  declared: () => readonly (string | number)[],
): Result<readonly string[], Failure> {
  const isWord = (one: unknown) => typeof one === "string" || typeof one === "number";
  const words = listOf(asked, declared, isWord, "a word");
  if (!words.ok) return words;
  if (words.value.length === 0) return fail(wrong(asked, "gave no word", "The first one is the program."));
  return ok(words.value.map(String));
}

/** Patterns of files. */
export function patternsOf(asked: Asked, declared: () => readonly string[]): Result<readonly string[], Failure> {
  return listOf(asked, declared, (one) => typeof one === "string", "a text");
}

/** What people are asked for. */
export function requestsOf(
  asked: Asked,
  declared: () => readonly HandoffRequest[],
): Result<readonly HandoffRequest[], Failure> {
  const isRequest = (one: unknown) => {
    const { path, what, how } = (one ?? {}) as Readonly<Record<string, unknown>>;
    return [path, what, how].every((text) => typeof text === "string") && path !== "";
  };
  return listOf(asked, declared, isRequest, "{ path, what, how }");
}

/** What a try takes. */
export function amountsOf(asked: Asked, declared: () => Resources): Result<Resources, Failure> {
  const given = called(asked, declared);
  if (!given.ok || amounts.isMet(given.value)) return given;
  return fail(wrong(asked, `gave ${describe(given.value)} where ${amounts.what} belongs`, "{ memory: 8000 }, say."));
}

function listOf<T>(
  asked: Asked,
  declared: () => readonly T[],
  isMet: (one: unknown) => boolean,
  member: string,
): Result<readonly T[], Failure> {
  const given = called(asked, declared);
  if (!given.ok) return given;
  const list: unknown = given.value;
  if (!Array.isArray(list)) return fail(wrong(asked, `gave ${describe(list)} where a list belongs`));
  const stray = (list as readonly unknown[]).findIndex((one) => !isMet(one));
  if (stray < 0) return ok(list as readonly T[]);
  return fail(wrong(asked, `gave ${describe(list[stray])} where ${member} belongs`));
}

function called<T>(asked: Asked, declared: () => T): Result<T, Failure> {
  try {
    return ok(declared());
  } catch (error) {
    return fail(wrong(asked, `threw: ${error instanceof Error ? error.message : String(error)}`));
  }
}

function wrong({ what, target }: Asked, message: string, fix?: string): Failure {
  return inputFailure(`${what} ${message}`, {
    where: { file: "Expfile.ts" },
    neededBy: `target "${target}"`,
    ...(fix !== undefined && { fix }),
  });
}
