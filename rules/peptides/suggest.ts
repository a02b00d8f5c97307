/** Help in messages about a name that is not known. */
import { levenshtein } from "./science/levenshtein.ts";

/** `Did you mean "all"?`, or "" when nothing known is near. */
export function didYouMean(word: string, known: readonly string[]): string {
  const near = known
    .map((name) => ({ name, distance: levenshtein(word.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, distance }) => distance <= Math.max(1, Math.floor(Math.max(word.length, name.length) * 0.4)))
    .sort((a, b) => a.distance - b.distance)[0];
  return near === undefined ? "" : `Did you mean "${near.name}"?`;
}

/** `"all", "first-100"`, or a word for none. */
export function listNames(names: readonly string[]): string {
  return names.length === 0 ? "none" : names.map((name) => JSON.stringify(name)).join(", ");
}

/** One text of several sentences, of which some may be empty. */
export function sentences(...parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join(" ");
}
