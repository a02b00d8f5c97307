/**
 * The colours of figures, light and dark. An SVG carries the light ones in its attributes, for any viewer; a style sheet
 * of attribute selectors exchanges them in the dark (CSS beats presentation attributes).
 */

export const PALETTE = {
  ink: { light: "#1c2733", dark: "#e4e9ee" },
  muted: { light: "#5a6673", dark: "#9aa7b4" },
  grid: { light: "#e1e6eb", dark: "#2e3944" },
  zero: { light: "#8794a1", dark: "#77848f" },
  accent: { light: "#1f6f8b", dark: "#5cc0de" },
  accentSoft: { light: "#a9cfdb", dark: "#245a6c" },
  control: { light: "#6a7480", dark: "#a3adb7" },
  controlSoft: { light: "#c9d0d7", dark: "#46525e" },
  signal: { light: "#b4530a", dark: "#f2a65a" },
  paper: { light: "#ffffff", dark: "#161d24" },
} as const;

/** Rules for the dark, to stand inside `@media screen and (prefers-color-scheme: dark)`. */
export function darkFigureRules(selector: string): string {
  return Object.values(PALETTE)
    .flatMap(({ light, dark }) => [
      `${selector} [fill="${light}"]{fill:${dark}}`,
      `${selector} [stroke="${light}"]{stroke:${dark}}`,
    ])
    .join("\n");
}
