/**
 * Levenshtein distance: fewest insertions, deletions and substitutions between two strings.
 * Bit-parallel (one machine word holds a column) when the shorter string has at most 32 letters, as nearly all
 * peptides do: Myers, J. ACM 46:395-415 (1999), in the form of Hyyrö, TR A-2003-6, University of Tampere (2003).
 */

export function levenshtein(a: string, b: string): number {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  if (short.length === 0) return long.length;
  return short.length <= 32 ? bitParallel(short, long) : byRows(short, long);
}

/** 1 - distance / longer length: 1 for equal strings, 0 for nothing in common. Two empty strings are equal. */
export function levenshteinSimilarity(a: string, b: string): number {
  const longer = Math.max(a.length, b.length);
  return longer === 0 ? 1 : 1 - levenshtein(a, b) / longer;
}

/** Bit i of matches[code] says whether pattern[i] is that letter; cleared after use so it can be shared. */
const matches = /* @__PURE__ */ new Int32Array(65536);

function bitParallel(pattern: string, text: string): number {
  const length = pattern.length;
  const lastBit = 1 << (length - 1);
  for (let i = 0; i < length; i++) matches[pattern.charCodeAt(i)]! |= 1 << i;
  let rises = -1;
  let falls = 0;
  let distance = length;
  for (let j = 0; j < text.length; j++) {
    const match = matches[text.charCodeAt(j)]!;
    const diagonal = (((match & rises) + rises) ^ rises) | match | falls;
    let up = falls | ~(diagonal | rises);
    let down = rises & diagonal;
    if ((up & lastBit) !== 0) distance++;
    if ((down & lastBit) !== 0) distance--;
    up = (up << 1) | 1;
    down = down << 1;
    rises = down | ~(diagonal | up);
    falls = up & diagonal;
  }
  for (let i = 0; i < length; i++) matches[pattern.charCodeAt(i)] = 0;
  return distance;
}

/** The textbook table, one row kept. */
function byRows(short: string, long: string): number {
  const row = Int32Array.from({ length: short.length + 1 }, (_, column) => column);
  for (let i = 1; i <= long.length; i++) {
    let diagonal = row[0]!;
    row[0] = i;
    for (let j = 1; j <= short.length; j++) {
      const substituted = diagonal + (long.charCodeAt(i - 1) === short.charCodeAt(j - 1) ? 0 : 1);
      diagonal = row[j]!;
      row[j] = Math.min(substituted, diagonal + 1, row[j - 1]! + 1);
    }
  }
  return row[short.length]!;
}
