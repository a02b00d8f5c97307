// YAML for slots of that format. The library is loaded when the first such slot is used.

import { createRequire } from "node:module";

interface Yaml {
  parse(text: string): unknown;
  stringify(value: unknown, options: { readonly lineWidth: number }): string;
}
let yaml: Yaml | undefined;

function load(): Yaml {
  return (yaml ??= createRequire(import.meta.url)("yaml") as Yaml);
}

export function parseYaml(text: string): unknown {
  return load().parse(text);
}

export function printYaml(value: unknown): string {
  return load().stringify(value, { lineWidth: 0 });
}
