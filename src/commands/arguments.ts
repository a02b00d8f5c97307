// The command line: config keys as flags are taken out first, the rest is commander's. Every mistake suggests the right word.

import { Command, CommanderError } from "commander";
import { inputFailure, type Failure } from "../model/failure.ts";
import type { CommandSpec } from "../ui/completion.ts";
import { suggest } from "../util/suggest.ts";
import { fail, ok, type Result } from "../util/result.ts";
import { commandTable, exitCodes } from "./table.ts";

export interface Arguments {
  readonly command: string;
  readonly operands: readonly string[];
  /** Flags by their long name; those that may be repeated as lists. */
  readonly flags: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  /** `key=value`, in the order of the command line. */
  readonly overrides: readonly string[];
}

export type Parsed = Result<Arguments | { readonly print: string; readonly exitCode: number }, Failure>;

const repeatable = new Set(["set", "limit", "from"]);
const exitText = `
Exit codes: 0 done · 1 a target failed · 2 wrong input · 3 incomplete (people, machines or money are awaited, or work is due) · 130 interrupted`;

export function parseArguments(argv: readonly string[], version: string): Parsed {
  const spec = commandTable.find((command) => command.name === argv.find((word) => !word.startsWith("-")));
  if (argv[0] === "help") {
    const [, about] = argv;
    if (about !== undefined && !commandTable.some((command) => command.name === about))
      return fail(unknownCommand(about));
    return parseArguments(about === undefined ? ["--help"] : [about, "--help"], version);
  }
  const keys = spec?.takesKeysAsFlags === true ? takeKeyFlags(argv) : { rest: argv, overrides: [] };
  if ("failure" in keys) return fail(keys.failure);
  let parsed: Arguments | undefined;
  let printed = "";
  let complained = "";
  const program = makeProgram(version, (command, operands, flags) => {
    const { set = [], ...others } = flags;
    parsed = { command, operands, flags: others, overrides: [...(set as readonly string[]), ...keys.overrides] };
  });
  const write = (text: string) => void (printed += text);
  for (const command of [program, ...program.commands])
    command.configureOutput({ writeOut: write, writeErr: (text) => void (complained += text) }).exitOverride();
  try {
    program.parse([...keys.rest], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code.startsWith("commander.help") || error.code === "commander.version")
      // Where nothing was asked for, commander gives its help as a complaint.
      return argv.length === 0
        ? ok({ print: complained, exitCode: exitCodes.wrongInput })
        : ok({ print: printed, exitCode: exitCodes.done });
    return fail(failureOf(error, argv, spec));
  }
  if (parsed === undefined) return ok({ print: program.helpInformation(), exitCode: exitCodes.wrongInput });
  // A shell's question brings all words of the line.
  if (spec === undefined || parsed.flags.words !== undefined) return ok(parsed);
  const wrong = surplusWords(spec, parsed.operands) ?? wrongChoice(spec, parsed.flags);
  return wrong === undefined ? ok(parsed) : fail(wrong);
}

/** A value of a flag that takes one of a few. */
function wrongChoice(spec: CommandSpec, flags: Arguments["flags"]): Failure | undefined {
  for (const { name, value: choices } of spec.flags) {
    const given = flags[name];
    if (!Array.isArray(choices) || typeof given !== "string" || choices.includes(given)) continue;
    const near = suggest(given, choices as readonly string[]);
    return inputFailure(`--${name} takes ${listOf(choices as readonly string[])}, not "${given}"`, {
      fix: near === undefined ? `exp ${spec.name} --help` : `Did you mean "--${name} ${near}"?`,
    });
  }
  return undefined;
}

function listOf(words: readonly string[]): string {
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

/** Words that nothing would listen to. */
function surplusWords(spec: CommandSpec, operands: readonly string[]): Failure | undefined {
  const taken = spec.args === "none" ? 0 : Array.isArray(spec.args) ? 1 : Infinity;
  const word = operands[taken];
  if (word === undefined) return undefined;
  const fix =
    spec.name === "init"
      ? `It works in the folder where you are: mkdir ${word}; cd ${word}; exp init`
      : `exp ${spec.name} --help`;
  return inputFailure(`exp ${spec.name} takes ${taken === 0 ? "no words" : "one word"}: "${word}" is too much`, {
    fix,
  });
}

type OnCommand = (
  command: string,
  operands: readonly string[],
  flags: Record<string, string | boolean | readonly string[]>,
) => void;

/** The whole command line as commander has it; also what docs/cli.md is generated from. */
export function makeProgram(version: string, onCommand: OnCommand): Command {
  const program = new Command("exp")
    .description("make for experiments")
    .version(version, "-V, --version", "the version")
    .helpOption("-h, --help", "what exp does, and its commands")
    .helpCommand(false);
  program.addHelpText("after", exitText);
  for (const spec of commandTable) {
    const operands =
      spec.usage !== undefined
        ? ` ${spec.usage}`
        : spec.args === "none"
          ? ""
          : spec.args === "targets"
            ? " [target…]"
            : spec.args === "outputs"
              ? " <target[.output]|file>"
              : spec.args === "runs"
                ? spec.verbs === undefined
                  ? " [run…]"
                  : ` [${Object.keys(spec.verbs).join("|")}] [run…|file]`
                : Array.isArray(spec.args)
                  ? ` <${spec.args.join("|")}>`
                  : "";
    const command = program
      .command(spec.name)
      .summary(spec.summary)
      .description(spec.summary)
      .usage(`[flags]${operands}`)
      .argument("[operands...]")
      .helpOption("-h, --help", "what the command does, and its flags");
    command.configureHelp({ visibleArguments: () => [] });
    for (const flag of spec.flags) {
      if (flag.name === "help") continue;
      const value =
        flag.value === undefined ? "" : ` <${Array.isArray(flag.value) ? flag.value.join("|") : String(flag.value)}>`;
      const words = `${flag.short === undefined ? "" : `-${flag.short}, `}--${flag.name}${value}`;
      if (repeatable.has(flag.name))
        command.option(words, flag.summary, (one: string, all: string[] = []) => [...all, one]);
      else command.option(words, flag.summary);
    }
    if (spec.name === "completion") command.option("--words <list>", "");
    command.action((words: string[]) => {
      const flags = Object.fromEntries(
        Object.entries(command.opts<Record<string, string | boolean | readonly string[]>>()).map(([name, value]) => [
          name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
          value,
        ]),
      );
      onCommand(spec.name, words, flags);
    });
  }
  return program;
}

const keyFlag = /^--([A-Za-z][\w-]*(?:\.[\w-]+|\.?\[\d+\])+)(?:=(.*))?$/s;
const headerFlag = /^--(seed|control|experiment)(?:=(.*))?$/s;

/** `--generate.samples 50` and `--generate.samples=50` become overrides; so do the experiment's own keys. */
function takeKeyFlags(
  argv: readonly string[],
): { readonly rest: readonly string[]; readonly overrides: readonly string[] } | { readonly failure: Failure } {
  const rest: string[] = [];
  const overrides: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!;
    if (word === "--") return { rest: [...rest, ...argv.slice(i)], overrides };
    const match = keyFlag.exec(word) ?? headerFlag.exec(word);
    if (match === null) {
      rest.push(word);
      continue;
    }
    const value = match[2] ?? argv[++i];
    if (value === undefined)
      return { failure: inputFailure(`${word} needs a value`, { fix: `${word} VALUE, or ${word}=VALUE` }) };
    overrides.push(`${match[1]!}=${value}`);
  }
  return { rest, overrides };
}

function failureOf(error: CommanderError, argv: readonly string[], spec: CommandSpec | undefined): Failure {
  const first = argv[0] ?? "";
  if (error.code === "commander.unknownCommand" || (spec === undefined && !first.startsWith("-"))) {
    return unknownCommand(first);
  }
  if (error.code === "commander.unknownOption") {
    const word = /'(.+?)'/.exec(error.message)?.[1] ?? "";
    const near = suggest(word.replace(/^-+/, ""), flagsOf(spec));
    const command = spec === undefined ? "exp" : `exp ${spec.name}`;
    return inputFailure(`unknown flag "${word}"`, {
      fix: near
        ? `Did you mean "--${near}"?`
        : `${command} --help lists the flags.${spec?.takesKeysAsFlags === true ? " Config keys are flags with their section: --generate.samples 50" : ""}`,
    });
  }
  const valueless = /^error: option '(?:-\w, )?(--[\w-]+)( .+)' argument missing$/.exec(error.message);
  if (valueless !== null) {
    const [, flag = "", value = ""] = valueless;
    return inputFailure(`${flag} needs a value`, { fix: `${flag}${value}` });
  }
  return inputFailure(error.message.replace(/^error: /, ""), {
    fix: `exp ${spec?.name ?? ""} --help`.replace("  ", " "),
  });
}

function unknownCommand(word: string): Failure {
  const near = suggest(word, [...commandTable.map((command) => command.name), "help"]);
  return inputFailure(`unknown command "${word}"`, {
    fix: near
      ? `Did you mean "exp ${near}"?`
      : `exp --help lists the commands. If ${word} is a target: exp build ${word}`,
  });
}

/** What may stand after `--`, without a section's keys: those only the project knows. */
function flagsOf(spec: CommandSpec | undefined): string[] {
  if (spec === undefined) return ["help", "version"];
  const ownKeys = spec.takesKeysAsFlags === true ? ["seed", "control", "experiment"] : [];
  return [...spec.flags.map((flag) => flag.name), ...ownKeys];
}
