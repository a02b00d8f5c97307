/** What goes wrong with a table file. */

/** A table that cannot be written or read as asked. `path` is the file, `problems` one sentence each, never empty. */
export class TableError extends Error {
  override readonly name = "TableError";
  readonly path: string;
  readonly problems: readonly string[];

  constructor(path: string, problems: readonly string[]) {
    super(`${path}: ${problems.join("; ")}`);
    this.path = path;
    this.problems = problems;
  }
}

/** Thrown inside the decoder, which does not know the file's name; whoever opened the file turns it into a TableError. */
export class Malformed extends Error {}

/**
 * The sentence for an error met while reading a file: damage, or the system's refusal (`ENOENT: no such file …`).
 * Any other error is a bug and is thrown again.
 */
export function readProblem(error: unknown): string {
  if (error instanceof Malformed) return `not a readable table: ${error.message}`;
  if (error instanceof Error && "code" in error && "syscall" in error) return error.message;
  throw error;
}
