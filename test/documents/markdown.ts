// What the tests read in a page of Markdown: fenced blocks with the project that they belong to, links, headings.

export interface Fence {
  readonly line: number;
  readonly language: string;
  /** What follows the language: for a file its path, then words that say more. */
  readonly words: readonly string[];
  readonly text: string;
}

/**
 * A project is what a page's fences say until the next `<!-- project: NAME -->`; with `from init`, `exp init` comes first.
 * A fence with a path is a file of the project, one of `sh` or `console` is run in it.
 */
export interface DocumentedProject {
  readonly page: string;
  readonly name: string;
  readonly fromInit: boolean;
  readonly fences: readonly Fence[];
}

export function projectsOf(page: string, markdown: string): readonly DocumentedProject[] {
  const projects: { page: string; name: string; fromInit: boolean; fences: Fence[] }[] = [
    { page, name: "page", fromInit: false, fences: [] },
  ];
  const lines = markdown.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const marker = /^<!-- project: ([\w-]+)( from init)? -->$/.exec(lines[i]!);
    if (marker !== null) projects.push({ page, name: marker[1]!, fromInit: marker[2] !== undefined, fences: [] });
    const opening = /^(```+)(\w+)?\s*(.*)$/.exec(lines[i]!);
    if (opening === null) continue;
    const from = i + 1;
    while (lines[++i] !== opening[1] && i < lines.length);
    const [, , language = "", rest = ""] = opening;
    const words = rest.split(" ").filter((word) => word !== "");
    projects.at(-1)!.fences.push({ line: from, language, words, text: `${lines.slice(from, i).join("\n")}\n` });
  }
  return projects.filter(({ fences }) => fences.length > 0);
}

export function linksOf(markdown: string): readonly string[] {
  const withoutCode = markdown.replace(/^```[\s\S]*?^```/gm, "").replace(/`[^`\n]*`/g, "`code`");
  return [...withoutCode.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!);
}

/** Anchors as GitHub makes them. */
export function anchorsOf(markdown: string): readonly string[] {
  const withoutCode = markdown.replace(/^```[\s\S]*?^```/gm, "");
  return [...withoutCode.matchAll(/^#+ (.+)$/gm)].map((match) =>
    match[1]!
      .toLowerCase()
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replace(/ /g, "-"),
  );
}

/** The part of a page under a heading, up to the next one of the same or a higher level. */
export function sectionOf(markdown: string, heading: string): string {
  const start = markdown.indexOf(`\n${heading}\n`);
  if (start < 0) throw new Error(`no heading ${heading}`);
  const level = /^#+/.exec(heading)![0].length;
  const rest = markdown.slice(start + heading.length + 2);
  const end = new RegExp(`^#{1,${level}} `, "m").exec(rest)?.index ?? rest.length;
  return rest.slice(0, end);
}

/** A screen without what differs from run to run: times, dates, widths of columns, what the cache saved, and what was said meanwhile of what takes long. */
export function withoutTimes(screen: string): string {
  return withoutRunning(
    screen
      .replace(/\b\d[\d,.]*\s(ms|s|min|h)\b/g, "TIME")
      .replace(/\bTIME( TIME)+/g, "TIME")
      .replace(/\b(under|about) TIME/g, "TIME")
      // Told from 50 ms on: on a busy machine a recipe that does nothing takes that.
      .replace(/; the cache saved TIME| saved TIME ·|(?: ·)? saved TIME/g, "")
      .replace(/\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?Z?)?/g, "DATE")
      .replace(/\b(just now|TIME ago)/g, "AGO")
      .replace(/[ \t]+/g, " ")
      .replace(/ $/gm, ""),
  );
}

/**
 * A target that takes long is told twice: how much it has to do, how long it may take and why, and then that it has; and how
 * far it is, every minute. On a busy machine everything takes long.
 */
function withoutRunning(screen: string): string {
  const lines = screen.split("\n");
  const reasons = new Map<string, string>();
  const kept = lines.flatMap((line, at) => {
    const { target, state, rest } = partsOf(line);
    if (state === "running" && lines.slice(at).some((later) => isEndOf(target, later))) {
      const reason = rest.replace(/^[\d,]+ items?(?:, [\d,]+ to run)?(?: · |$)/, "").replace(/^TIME(?: · |$)/, "");
      if (!reasons.has(target)) reasons.set(target, reason);
      return [];
    }
    const reason = isEndOf(target, line) ? (reasons.get(target) ?? "") : "";
    if (isEndOf(target, line)) reasons.delete(target);
    if (reason === "" || !/ (?:computed|cached)\b/.test(line)) return [line];
    return [/ (?:TIME|cached)$/.test(line) ? `${line} ${reason}` : `${line} · ${reason}`];
  });
  return kept.join("\n");
}

function partsOf(line: string): { readonly target: string; readonly state: string; readonly rest: string } {
  const [, target = "", state = "", rest = ""] = /^(\S+) (\w+)(?: (.*))?$/.exec(line) ?? [];
  return { target, state, rest };
}

function isEndOf(target: string, line: string): boolean {
  const of = partsOf(line);
  return of.target === target && /^(?:computed|cached|failed|unpaid|waits)$/.test(of.state);
}
