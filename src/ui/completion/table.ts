// The table of commands that completion is made from, and what every shell's script needs to know of it.

/** Words that only the project knows; those of `items` belong to a target, which comes before the words of the line. */
export const WORD_LISTS = ["targets", "outputs", "runs", "keys", "configs", "items"] as const;
export type WordList = (typeof WORD_LISTS)[number];

export interface FlagSpec {
  /** Without dashes: `config`. */
  readonly name: string;
  /** One letter: `c`. */
  readonly short?: string;
  readonly summary: string;
  /** What follows the flag: something of that kind, one of a list, or nothing. `setting` is `key=value`, `config` a file or a bare name. */
  readonly value?: "config" | "file" | "directory" | "run" | "target" | "setting" | "text" | readonly string[];
}

export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  /** What its arguments are: words of the project, files, one of a list, or none. */
  readonly args: "targets" | "outputs" | "runs" | "keys" | "files" | "none" | readonly string[];
  /** Of a command whose first word says what it does: what follows each. */
  readonly verbs?: Readonly<Record<string, "runs" | "targets" | "files" | "none">>;
  /** In the place of the usual words for `args`, in --help. */
  readonly usage?: string;
  readonly flags: readonly FlagSpec[];
  /** A target may be followed by one of its items in brackets: `generate[3]`. */
  readonly takesItems?: boolean;
  /** Config keys are flags of this command: `exp build --judge.pH 7`. */
  readonly takesKeysAsFlags?: boolean;
}

/** `'it'\''s'` for bash and zsh. */
export function quoteShell(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

export function wordsOf(kind: NonNullable<FlagSpec["value"]> | CommandSpec["args"]): WordList | undefined {
  if (kind === "run" || kind === "runs") return "runs";
  if (kind === "target" || kind === "targets") return "targets";
  if (kind === "outputs") return "outputs";
  return kind === "keys" ? "keys" : undefined;
}

/** Of the verbs that such words follow; nothing where there are none. */
export function verbsWith(
  verbs: NonNullable<CommandSpec["verbs"]>,
  what: "runs" | "targets" | "files",
  write: (names: readonly string[]) => string,
): string {
  const names = Object.keys(verbs).filter((verb) => verbs[verb] === what);
  return names.length === 0 ? "" : write(names);
}

/** Every script offers --help itself, also where the table does not list it. */
export function flagsOf(command: CommandSpec): readonly FlagSpec[] {
  return command.flags.filter(({ name }) => name !== "help");
}

export function spellings({ name, short }: FlagSpec): readonly string[] {
  return short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`];
}
