// Every command with its arguments and flags: the one list behind parsing, --help, completion and docs/cli.md.

import type { CommandSpec, FlagSpec } from "../ui/completion.ts";

const config: FlagSpec = {
  name: "config",
  short: "c",
  summary: "the config, by its path or its name in configs/; the run is named after it",
  value: "config",
};
const run: FlagSpec = { name: "run", summary: "the run; named after the config file if not said", value: "run" };
const set: FlagSpec = {
  name: "set",
  summary: "override a config value (may be repeated); `--generate.samples 50` does the same",
  value: "setting",
};
const reset: FlagSpec = { name: "reset", summary: "drop the overrides and the splices that the run remembers" };
const from: FlagSpec = {
  name: "from",
  summary: "take a stage of another run as given: `--from old@3:generate` (may be repeated); remembered",
  value: "text",
};
const json: FlagSpec = { name: "json", summary: "machine-readable output" };
const help: FlagSpec = { name: "help", short: "h", summary: "what the command does, and its flags" };
const jobs: FlagSpec = { name: "jobs", short: "j", summary: "how many processors to use at once", value: "text" };
const limit: FlagSpec = {
  name: "limit",
  summary: "how many of a named resource there are: `--limit api:anthropic=4` (may be repeated)",
  value: "setting",
};
const paid: FlagSpec = { name: "paid", summary: "allow requests that cost money and are not remembered" };
const maxUsd: FlagSpec = {
  name: "max-usd",
  summary:
    "how many dollars may be spent, on paid calls and containers: what is finished by then is kept; `0`: nothing may be paid",
  value: "text",
};
const checkInputs: FlagSpec = {
  name: "check-inputs",
  summary: "a recipe that reads a file or a variable that it does not declare fails (Linux, with strace)",
};
const asking = [config, run, set, reset, json, help];
const shared: FlagSpec = {
  name: "shared",
  summary: "the cache that a team shares: a folder, `https://…`, or `off`",
  value: "text",
};
const outputs: FlagSpec = {
  name: "outputs",
  summary:
    "which outputs of cached results to bring from the shared cache: all, or of the targets asked for; `exp fetch` brings the others",
  value: ["all", "asked"],
};
const executor: FlagSpec = {
  name: "executor",
  summary:
    "where recipes and items run: here, on the Slurm cluster that this machine submits to, or in Modal containers",
  value: ["local", "slurm", "modal"],
};
const detach: FlagSpec = {
  name: "detach",
  summary: "interrupted, leave running what runs elsewhere: the next build takes it up",
};

export const commandTable: readonly CommandSpec[] = [
  {
    name: "build",
    summary: "bring targets of a run up to date; none named: all",
    args: "targets",
    takesKeysAsFlags: true,
    flags: [
      ...asking,
      from,
      jobs,
      { name: "keep-going", short: "k", summary: "after a failure, go on with what does not depend on it" },
      limit,
      maxUsd,
      shared,
      outputs,
      executor,
      detach,
      checkInputs,
      { name: "dry-run", short: "n", summary: "the same as `exp plan`" },
    ],
  },
  {
    name: "watch",
    summary: "build, and again after every edit of what the build looked at, until Ctrl-C",
    args: "targets",
    takesKeysAsFlags: true,
    flags: [...asking, from, jobs, limit, shared, outputs, executor, detach, paid, maxUsd],
  },
  {
    name: "plan",
    summary: "what a build would do: fresh, cached or stale, with reasons, time and money by past traces",
    args: "targets",
    takesKeysAsFlags: true,
    flags: [...asking, from, shared, outputs, executor, maxUsd],
  },
  {
    name: "status",
    summary: "the run at a glance",
    args: "targets",
    takesKeysAsFlags: true,
    flags: [...asking, { name: "usage", summary: "processor time, memory and GPUs that the actions took" }],
  },
  {
    name: "why",
    summary: "why a target or an item (`generate[3]`) is not up to date, or was made",
    args: "targets",
    takesItems: true,
    takesKeysAsFlags: true,
    flags: [...asking, { name: "build", summary: "ask about a past build of the run, by its number", value: "text" }],
  },
  {
    name: "show",
    summary:
      "show an output (`prepare.rejects`, `generate[3]`, or a path): tables as text; a target alone: all its outputs",
    args: "outputs",
    takesItems: true,
    flags: [
      config,
      run,
      { name: "rows", summary: "how many rows of a table, or files of a folder; 20 if not said", value: "text" },
      { name: "all", summary: "all of them" },
      { name: "csv", summary: "the whole table as CSV" },
      { name: "meta", summary: "what the table says of itself: its columns and metadata" },
      json,
      help,
    ],
  },
  {
    name: "clean",
    summary: "invalidate targets of a run: the next build computes them anew",
    args: "targets",
    flags: [
      config,
      run,
      { name: "outputs", summary: "only remove the files; the next build fetches them back" },
      { name: "calls", summary: "also hide the run's remembered paid calls, so that they are paid again" },
      { name: "sweep", summary: "also end what of them runs elsewhere, without asking" },
      json,
      help,
    ],
  },
  {
    name: "graph",
    summary: "draw the targets, coloured by state",
    args: "targets",
    takesKeysAsFlags: true,
    flags: [...asking, { name: "format", summary: "how to draw", value: ["tree", "mermaid", "dot", "svg", "json"] }],
  },
  {
    name: "accept",
    summary: "say that what changed does not matter: keep the result, and remember who said so, when and why",
    args: "targets",
    takesKeysAsFlags: true,
    flags: [config, run, set, { name: "because", summary: "why it does not matter", value: "text" }, json, help],
  },
  {
    name: "reproduce",
    summary: "run a past run (`default@3`) again with its archived code, config and inputs, and compare",
    args: "runs",
    usage: "<run[@build]> [target…]",
    flags: [
      { name: "sample", summary: "of each fan-out, only so many items, chosen at random", value: "text" },
      paid,
      maxUsd,
      jobs,
      limit,
      json,
      help,
    ],
  },
  {
    name: "verify",
    summary: "run a random sample of finished actions again, each alone in a new process, and compare",
    args: "targets",
    flags: [
      config,
      run,
      { name: "sample", summary: "how many items of each fan-out (20 if not said)", value: "text" },
      checkInputs,
      paid,
      maxUsd,
      jobs,
      limit,
      json,
      help,
    ],
  },
  {
    name: "runs",
    summary:
      "list the runs; show, pin, unpin or remove (rm) one, compare two (diff), take them to another machine (export, import)",
    args: "runs",
    verbs: {
      list: "none",
      show: "runs",
      diff: "runs",
      pin: "runs",
      unpin: "runs",
      rm: "runs",
      export: "runs",
      import: "files",
    },
    flags: [
      { name: "note", summary: "of `pin`: why the run is kept", value: "text" },
      { name: "yes", summary: "of `rm`: remove, after what goes was named" },
      { name: "force", summary: "of `rm`: a pinned run, too" },
      { name: "all", summary: "of `diff`: every number that differs, not the most changed ones only" },
      { name: "output", short: "o", summary: "of `export`: the file; `RUN.exp.tar.gz` if not said", value: "file" },
      { name: "without-logs", summary: "of `export`: leave out what actions printed" },
      { name: "without-calls", summary: "of `export`: leave out the remembered paid calls" },
      { name: "as", summary: "of `import`: another name for the run", value: "text" },
      json,
      help,
    ],
  },
  {
    name: "cache",
    summary:
      "the cache that a team shares: whether it answers; bring from there, publish there, look through it, make it small",
    args: "targets",
    verbs: { stat: "none", pull: "targets", push: "none", verify: "none", sweep: "none" },
    usage: "<stat|pull|push|verify|sweep> [target…]",
    takesKeysAsFlags: true,
    flags: [
      shared,
      config,
      run,
      set,
      { name: "sample", summary: "of `verify`: only so many results, chosen at random", value: "text" },
      { name: "older-than", summary: "of `sweep`: what has not been used for so long: `90d`", value: "text" },
      { name: "yes", summary: "of `sweep`: remove, after what goes was told" },
      json,
      help,
    ],
  },
  {
    name: "fetch",
    summary: "bring outputs that were left in the shared cache; of the named targets and items, or of all targets",
    args: "targets",
    usage: "[target | target[item]…]",
    takesItems: true,
    flags: [
      config,
      run,
      { name: "items", summary: "also the content of all items of the named targets" },
      shared,
      json,
      help,
    ],
  },
  {
    name: "ps",
    summary: "what builds have running elsewhere, on a Slurm cluster or at Modal, and who waits for it",
    args: "none",
    flags: [json, help],
  },
  {
    name: "sweep",
    summary: "end what runs elsewhere and no build waits for; of the named runs, or of all",
    args: "runs",
    flags: [json, help],
  },
  {
    name: "gc",
    summary: "make the cache small again; what runs and pins reach stays",
    args: "none",
    flags: [
      { name: "dry-run", short: "n", summary: "only say what would go, and what it would cost to get it back" },
      { name: "max-size", summary: "how much the cache may hold: `50GB`, `none`", value: "text" },
      {
        name: "max-age",
        summary: "how long what no run stands on is kept after its last use: `90d`, `none`",
        value: "text",
      },
      { name: "background", summary: "with low priority, if none ran today: what builds start by themselves" },
      json,
      help,
    ],
  },
  { name: "init", summary: "make this folder a project that builds at once", args: "none", flags: [help] },
  {
    name: "doctor",
    summary: "what is installed, configured and reachable, and the command that changes what is not",
    args: "none",
    flags: [json, help],
  },
  {
    name: "completion",
    summary: "print the completion script of a shell",
    args: ["bash", "zsh", "fish"],
    flags: [help],
  },
];

/** Exit codes, the same for every command. */
export const exitCodes = {
  done: 0,
  failed: 1,
  wrongInput: 2,
  incomplete: 3,
  interrupted: 130,
} as const;
