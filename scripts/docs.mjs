// `npm run docs`: writes docs/cli.md from the table of commands that the program itself is made of. With `--print` it goes to the
// standard output instead.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const root = new URL("..", import.meta.url).pathname;
const { commandTable, exitCodes } = await importTypeScript("src/commands/table.ts");

const meaningOfExit = {
  done: "Done. For `plan`: nothing is due.",
  failed:
    "A target failed: a recipe, a promise about an output, a gate. For `doctor`: something that a build needs is missing. For `fetch`, `ps`, `sweep` and `cache`: not all of it could be done or learnt. Also where the disk is full, and for a fault of exp itself.",
  wrongInput:
    "Your input is wrong: the command line, a config, the Expfile, a recipe that does not compile, a missing source file.",
  incomplete:
    "Not complete: people are awaited (a handoff), or `--max-usd` has stopped the build. For `plan` and `cache pull`: work is due. For `gc`: a build is at work. For `runs rm` and `cache sweep`: `--yes` is awaited. For `accept`: items are left that have to be made anew. For `reproduce` and `verify`: something could not be run, or there was nothing to be run.",
  interrupted: "Interrupted by Ctrl-C or a signal. The next build goes on.",
};

/** What the table's one line leaves open. */
const more = {
  build: `Where no target is named, all of the experiment's are built. What a target needs is brought up to date first. Overrides (\`--set\`, config keys as
flags) are remembered by the run; \`--reset\` drops them. \`-j\` cuts the processors that actions may use at once; an action takes one
unless its rule says otherwise. \`--max-usd\` bounds what it may spend, see [money.md](money.md). \`--json\` writes [events](events.md), one a line.`,
  watch: `After a failure it goes on with what does not depend on it, and waits; a mistake in a config, the Expfile or a recipe is shown, and
putting it right builds. An edit during a build starts another when that one has ended. What is edited to the same bytes is no edit.
What would have to be paid is not done without \`--paid\`; \`--max-usd\` is for all of its builds together. Ctrl-C ends it with 130, after what is finished is kept.`,
  plan: `Decides as a build does and runs nothing. A target is \`fresh\` (the run's own result holds), \`cached\` (there is a result to fetch),
\`stale\` (it must run), \`unknown\` (it depends on something that must run first, and may come out unchanged), \`waiting\` (for people) or
\`failed\` (a gate whose condition does not hold). More than a hundred fresh targets are not listed, but counted. With \`--max-usd\` it says what of that is expected to be spent, and warns where it is more. With \`--executor modal\` the time of containers
is part of the money, at the price of each; nobody is spoken to.`,
  status: "The states of `plan`, with when each result was made, how long it took, what it cost and where.",
  why: `Takes at least one target. \`TARGET[ITEM]\` asks about one item of a fan-out, by its label or its number (quote the brackets for your
shell). For something stale it says what differs from the last result; for something fresh, why it was made the last time.`,
  show: `Takes one target, one output of it, an item of a fan-out (\`generate[3]\`, \`generate[low/seed=1].value\`: by its label or its number, as in \`why\`;
quote the brackets for your shell), or the path of a file or folder. Of an item that makes one thing only, that is shown. Shows what the run's last result holds, and says of which
build; it does not ask whether that is up to date. Text, JSON and YAML come out byte for byte, so that they can be piped.`,
  clean: `Names no target: all targets. Nothing that another run relies on is deleted: the run's own results are hidden, so that the next build computes these targets
again and does not fetch them from the cache. What depends on them re-runs only if their outputs come out different. Remembered paid
calls are kept, unless \`--calls\`.`,
  graph: "`--json` is the same as `--format json`.",
  runs: `\`exp runs\` lists all runs. \`exp runs show NAME\` lists the builds of one, \`NAME@3\` its third.

\`exp runs pin NAME\` keeps all that its builds ever made from [\`exp gc\`](#exp-gc), and the run from being removed by mistake;
\`exp runs unpin NAME\` ends that. \`exp runs rm NAME…\` says what would go and ends with 3; with \`--yes\` it removes the runs' folders. People's
work is named: handed-over files, outputs that were edited or set aside, files that exp did not make. It waits for a build of the run.
Content that no other run needs is left to \`exp gc\`, remembered paid calls stay.

\`exp runs diff A B\` compares two runs, or two points of one (\`default@2 default@5\`); \`exp runs diff default@5\` compares with the build before.
It tells what differs in the config, in the versions of exp and Node, in each target (with why its key differs, which outputs do, how many items
both have), and in the numbers of outputs that are JSON or tables of up to 50 rows: those at the same place in both, the most changed first.
Members of a list are matched by their name or id, or else by all that is text in them; rows that have neither by their place,
without those that both have. Lists of more than 50 are left out. It is a question: it
ends with 0 whatever it finds.

\`exp runs export RUN… -o FILE\` writes runs into one file, with all of their builds: the runs' folders; recipes, sources and handed-over files from
the archive; the content of all results, as far as it is still there. Of remembered paid calls it takes those that the
runs' results used; all of the project's where results of an earlier exp do not say which they used, which is then told; \`--without-calls\`
leaves them out. Equal runs give equal bytes, on the same version of Node. \`exp runs import
FILE\` holds everything to its digest before anything appears, never replaces a run (\`--as\` gives it another name), and keeps the answers
to paid calls that are here already. Then a clone of the project has nothing to build, \`exp why\` explains, and \`exp reproduce\` works also where
there is nothing but the imported run. Import from people whose code you would run: the run's recipes come along.`,
  cache: `See [shared-cache.md](shared-cache.md). \`stat\`, which may be left out, says whether it answers. \`pull\` brings here what a build of the
targets would take from there, all if none is named, so that it can be done without it; it puts nothing into the run. \`push\` publishes
what this machine has and the others do not. \`verify\` looks whether what lies there is right, as far as this machine can name it.
\`sweep --older-than 90d\` says what of a folder or a bucket nobody has used for so long, and ends with 3; with \`--yes\` it removes that.`,
  gc: `What runs stand on stays, whatever the limits say: the results behind their present outputs, what an unfinished build has made so far, and
everything of pinned runs. Of the rest goes what was not used for \`--max-age\` (90 days), and then what was used longest ago, until the
cache holds at most \`--max-size\` (50 GB). The Expfile may set [other limits](expfile.md#limits-of-the-cache). Also removed are leftovers (prints of recipes that are
no more, old stamps), and from \`runs/.archive/\` what no run refers to any more: code, splits and handed-over files of removed runs. Paid
calls stay.

It may run beside builds. What a running build could rely on is only marked, and the command ends with 3: the end of that build, or the
next \`exp gc\`, removes it. After a build that computed something, at most once a day, a collection starts by itself in the background
(\`cache/gc.log\`); that one leaves the archive alone.`,
  init: `Writes Expfile.ts, rules/, configs/, tsconfig.json, package.json and .gitignore. Files that are there are left alone; where there is an
Expfile.ts, it writes nothing and ends with 2.`,
  doctor: "`missing` is something that a build here needs, `absent` something that some projects would like.",
  completion: "For example `exp completion bash > ~/.local/share/bash-completion/completions/exp`.",
};

const placeholders = {
  config: "FILE",
  file: "FILE",
  directory: "FOLDER",
  run: "RUN",
  target: "TARGET",
  setting: "NAME=VALUE",
  text: "NUMBER",
};

/** Where the kind of the value says too little. */
const placeholderOfFlag = {
  "max-size": "SIZE",
  "max-age": "TIME",
  "older-than": "TIME",
  shared: "PLACE",
  note: "TEXT",
  because: "TEXT",
  from: "RUN:TARGET",
  as: "NAME",
};

const page = `# The command line

<!-- Written by \`npm run docs\` from src/commands/table.ts. Do not edit. -->

| command | what it does |
| --- | --- |
${commandTable.map(({ name, summary }) => `| [\`exp ${name}\`](#exp-${name}) | ${cell(summary)} |`).join("\n")}

A command works in the project of the folder where it is run: the nearest folder above with an \`Expfile.ts\`. A misspelt command, flag,
target, run, config or config key is answered with the one that was probably meant. \`exp\` means \`npx exp\` in a project where expfile
is installed, unless its \`node_modules/.bin\` is on your PATH.

## Exit codes

| code | meaning |
| --- | --- |
${Object.entries(exitCodes)
  .map(([name, code]) => `| ${code} | ${meaningOf(name)} |`)
  .join("\n")}

## Config keys as flags

Where a command takes config keys, \`--generate.samples 50\`, \`--generate.samples=50\` and \`--set generate.samples=50\` say the same. The
value is read as YAML. Keys of the experiment itself have no dot: \`--seed 2\`, \`--control NAME\`, \`--experiment NAME\`. See
[config.md](config.md#overrides).

${commandTable.map(section).join("\n\n")}

## Environment variables

| variable | meaning |
| --- | --- |
| \`NO_COLOR\`, \`FORCE_COLOR\` | Colour off, colour on, whatever the output is. |
| \`EXP_GC\` | \`off\`: no collection starts by itself. None does where \`CI\` is set. |
| \`EXP_MAX_USD\` | How many dollars may be spent where \`--max-usd\` does not say; see [money.md](money.md). |
| \`EXP_EXECUTOR\` | Where recipes and items run, where \`--executor\` does not say: \`local\`, \`slurm\` or \`modal\`. |
| \`EXP_SHARED_CACHE\`, \`EXP_SHARED_CACHE_…\` | The cache that a team shares, its keys and its patience; see [shared-cache.md](shared-cache.md). |
| \`EXP_SHUFFLE\` | A number: independent work starts in an order shuffled by it. For finding a missing dependency. |

A recipe sees none of these, only the variables that its rule declares.
`;

if (process.argv.includes("--print")) process.stdout.write(page);
else writeFileSync(join(root, "docs", "cli.md"), page);

function section(command) {
  const { name, summary, flags, takesKeysAsFlags } = command;
  const rows = flags.map((flag) => `| ${spelling(flag)} | ${cell(flag.summary)} |`);
  const hasJson = flags.some((flag) => flag.name === "json");
  return [
    `## \`exp ${name}\``,
    `${sentence(summary)}\n\n\`\`\`text\nexp ${name} [flags]${operandsOf(command)}\n\`\`\``,
    ...(more[name] === undefined ? [] : [more[name]]),
    `| flag | meaning |\n| --- | --- |\n${rows.join("\n")}`,
    ...(takesKeysAsFlags ? ["Takes [config keys as flags](#config-keys-as-flags)."] : []),
    ...(hasJson
      ? [`JSON: [${["build", "watch"].includes(name) ? "events.md](events.md" : `json.md](json.md#exp-${name}`}).`]
      : []),
  ].join("\n\n");
}

function operandsOf({ name, args, usage, verbs }) {
  if (name === "why" || name === "accept") return " TARGET…";
  if (args === "targets" && verbs !== undefined)
    return ` [${Object.entries(verbs)
      .map(([verb, what]) => (what === "targets" ? `${verb} [TARGET…]` : verb))
      .join(" | ")}]`;
  if (usage !== undefined)
    return ` ${usage
      .replaceAll("<", "")
      .replaceAll(">", "")
      .replace(/[a-z]+/g, (word) => word.toUpperCase())}`;
  if (args === "none") return "";
  if (args === "targets") return " [TARGET…]";
  if (args === "outputs") return " TARGET[.OUTPUT] | FILE";
  if (args === "runs" && verbs === undefined) return " [RUN…]";
  if (args === "runs")
    return " [list | show RUN | diff RUN [RUN] | pin RUN | unpin RUN | rm RUN… | export RUN… | import FILE]";
  return ` ${args.join("|")}`;
}

function spelling({ name, short, value }) {
  const words = short === undefined ? [`--${name}`] : [`-${short}`, `--${name}`];
  const what =
    value === undefined
      ? ""
      : ` ${Array.isArray(value) ? value.join("\\|") : (placeholderOfFlag[name] ?? placeholderOf(value))}`;
  return `\`${words.join("`, `")}${what}\``;
}

function placeholderOf(value) {
  if (placeholders[value] === undefined) throw new Error(`no word for a value of kind "${value}"`);
  return placeholders[value];
}

function meaningOf(exit) {
  if (meaningOfExit[exit] === undefined) throw new Error(`exit code "${exit}" has no description`);
  return meaningOfExit[exit];
}

function sentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}

function cell(text) {
  return text.replaceAll("|", "\\|");
}

/** The module as the program has it, through the bundler that the project uses anyway. */
async function importTypeScript(file) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [file],
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    logLevel: "warning",
  });
  return import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
}
