/** How wide a text is drawn, by a table of widths: the same on every machine, with no font installed. */

/** Pixels of a text in a common sans-serif; a little generous, so that labels never collide. */
export function textWidth(text: string, fontSize: number): number {
  let ems = 0;
  for (const character of text) {
    ems += NARROW.test(character) ? 0.37 : WIDE.test(character) ? 0.95 : UPPER.test(character) ? 0.72 : 0.63;
  }
  return Math.round(ems * fontSize * 10) / 10;
}

const NARROW = /[iljtfrI.,:;'|!()[\] ]/;
const WIDE = /[mwMW@%]/;
const UPPER = /\p{Lu}/u;
