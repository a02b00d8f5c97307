// The small part of YAML that records are nearly always written in: maps of plain scalars, of lists of them and of such maps, in block style.
// What is written here is what the library writes, and what is read is what it reads, two hundred times faster: a record of ten thousand stages
// is read and written by every build. Where there is any doubt the answer is undefined, and the library is asked instead.

export type PlainValue =
  string | number | boolean | readonly string[] | { readonly [key: string]: PlainValue | undefined };
export type PlainMap = Readonly<Record<string, PlainValue | undefined>>;

/** The lines of a map, each ended, indented by so many spaces. */
export function writePlain(map: PlainMap, indent: number): string | undefined {
  const margin = " ".repeat(indent);
  let text = "";
  for (const [key, value] of Object.entries(map)) {
    if (value === undefined) continue;
    if (!isPlainKey(key)) return undefined;
    const written = writeValue(value, indent);
    if (written === undefined) return undefined;
    text += `${margin}${key}:${written}`;
  }
  return text;
}

function writeValue(value: PlainValue, indent: number): string | undefined {
  if (typeof value !== "object") {
    const scalar = writeScalar(value);
    return scalar === undefined ? undefined : ` ${scalar}\n`;
  }
  if (Array.isArray(value)) {
    const scalars = (value as readonly string[]).map(writeScalar);
    if (scalars.length === 0) return " []\n";
    if (scalars.includes(undefined)) return undefined;
    return `\n${scalars.map((scalar) => `${" ".repeat(indent + 2)}- ${scalar}\n`).join("")}`;
  }
  const inner = writePlain(value as PlainMap, indent + 2);
  return inner === undefined ? undefined : inner === "" ? " {}\n" : `\n${inner}`;
}

function writeScalar(value: string | number | boolean): string | undefined {
  if (typeof value === "boolean") return String(value);
  if (typeof value === "number") {
    const text = Object.is(value, -0) ? "-0" : String(value);
    return numberText.test(text) ? text : undefined;
  }
  if (isPlainText(value)) return value;
  return needsQuotes.test(value) && quotable.test(value) ? `"${value}"` : undefined;
}

/** Reads lines that `writePlain` could have written with that indent, no line being empty. */
export function readPlain(text: string, indent: number): PlainMap | undefined {
  const lines = text.split("\n");
  if (lines.pop() !== "") return undefined;
  const reader = { lines, at: 0 };
  const map = readMap(reader, indent);
  return reader.at === lines.length ? map : undefined;
}

interface Reader {
  readonly lines: readonly string[];
  at: number;
}

function readMap(reader: Reader, indent: number): PlainMap | undefined {
  const map: Record<string, PlainValue> = {};
  for (; reader.at < reader.lines.length;) {
    const line = reader.lines[reader.at]!;
    const margin = marginOf(line);
    if (margin < indent) break;
    const colon = line.indexOf(":");
    const key = line.slice(indent, colon);
    if (margin > indent || colon === -1 || !isPlainKey(key) || key in map) return undefined;
    reader.at++;
    const value = colon === line.length - 1 ? readBelow(reader, indent + 2) : readValue(line, colon + 1);
    if (value === undefined) return undefined;
    map[key] = value;
  }
  return map;
}

/** What stands under a key: a map or a list. Neither is empty. */
function readBelow(reader: Reader, indent: number): PlainValue | undefined {
  const first = reader.lines[reader.at];
  if (first === undefined || marginOf(first) !== indent) return undefined;
  if (first[indent] !== "-") return readMap(reader, indent);
  const list: string[] = [];
  for (let line = first; line !== undefined && marginOf(line) >= indent; line = reader.lines[++reader.at]!) {
    const value = line.startsWith("- ", indent) ? readScalar(line.slice(indent + 2)) : undefined;
    if (typeof value !== "string") return undefined;
    list.push(value);
  }
  return list;
}

function readValue(line: string, from: number): PlainValue | undefined {
  if (line[from] !== " ") return undefined;
  const text = line.slice(from + 1);
  return text === "{}" ? {} : text === "[]" ? [] : readScalar(text);
}

function readScalar(text: string): string | number | boolean | undefined {
  if (isPlainText(text)) return text;
  if (numberText.test(text)) return Number(text);
  if (text === "true" || text === "false") return text === "true";
  const inner = text.slice(1, -1);
  return text.length > 2 && text === `"${inner}"` && quotable.test(inner) ? inner : undefined;
}

function marginOf(line: string): number {
  let margin = 0;
  while (line.charCodeAt(margin) === 32) margin++;
  return margin;
}

// Letters first, so that only words can be taken for something else; or a digit first, and a letter that no number has (the T of a time, a digest).
const textAfterLetter = /^[A-Za-z][\w .,()/@→…·+=-]*(?::[\w.,()/@→…·+=-]+[\w .,()/@→…·+=-]*)*$/;
const textAfterDigit = /^[0-9](?=[\w.:-]*[a-df-wyzA-DF-WYZ])[\w.:-]*[\w.-]$/;
const numberText = /^(?:0|-?[1-9][0-9]{0,14})(?:\.[0-9]{1,14})?$/;
/** What other scalars are called, also by older versions of YAML. */
const words = /^(?:true|false|null|yes|no|on|off|y|n)$/i;
/** A plain scalar would end here, or begin a comment. */
const needsQuotes = /: | #/;
/** Without escapes. */
const quotable = /^[^"\\\p{C}\p{Z}]+(?: +[^"\\\p{C}\p{Z}]+)*$/u;

function isPlainText(text: string): boolean {
  return (
    (textAfterLetter.test(text) && !text.endsWith(" ") && !words.test(text)) ||
    (textAfterDigit.test(text) && !text.startsWith("0x") && !text.startsWith("0o"))
  );
}

export function isPlainKey(key: string): boolean {
  return /^[A-Za-z_][\w-]*$/.test(key) && !words.test(key);
}
