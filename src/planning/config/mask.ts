// Replaces values in text by their names, also where they are encoded as JSON, a URL or base64. Unaware of where secrets come from.

import type { Json } from "../../model/json.ts";

/** Where there is nothing to mask. */
export const asItIs = (text: string): string => text;

/** Pairs of name and value. The longest match wins, so that a secret inside another leaves no rest behind. */
export function maskWith(secrets: readonly (readonly [name: string, value: string])[]): (text: string) => string {
  const names = new Map<string, string>();
  for (const [name, value] of secrets) {
    for (const form of formsOf(value)) if (!names.has(form)) names.set(form, name);
  }
  if (names.size === 0) return asItIs;
  const forms = [...names.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(forms.map(escapePattern).join("|"), "g");
  return (text) => text.replace(pattern, (form) => `‹${names.get(form)!}›`);
}

/** A value with all its strings masked, names of fields too. Not by its text as JSON: a secret of digits may be a number's text. */
export function maskStrings(value: Json, mask: (text: string) => string): Json {
  if (typeof value === "string") return mask(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((each: Json) => maskStrings(each, mask));
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [mask(name), maskStrings(each, mask)]));
}

/** The name of a secret that a string of the value holds. */
export function secretIn(value: Json, names: readonly string[], mask: (text: string) => string): string | undefined {
  const text = JSON.stringify(value);
  if (mask(text) === text) return undefined;
  const masked = JSON.stringify(maskStrings(value, mask));
  return masked === text ? undefined : names.find((name) => masked.includes(`‹${name}›`));
}

/** Every way in which the value may turn up in a log. */
function formsOf(value: string): Set<string> {
  // A key of several lines is logged line by line.
  const parts = [value, ...value.split(/\r?\n/).filter((line) => line.trim().length >= 6)];
  return new Set(parts.flatMap((part) => [part, ...jsonForms(part), ...urlForms(part), ...base64Forms(part)]));
}

function jsonForms(value: string): string[] {
  const escaped = JSON.stringify(value).slice(1, -1);
  const ascii = escaped.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  // Once more for JSON inside JSON.
  return [escaped, ascii, escaped.replaceAll("/", "\\/"), JSON.stringify(escaped).slice(1, -1)];
}

/** As encodeURIComponent, RFC 3986, HTML forms and Python's `quote` each have it. */
function urlForms(value: string): string[] {
  const wellFormed = value.replace(/\p{Surrogate}/gu, "\ufffd");
  const encoded = encodeURIComponent(wellFormed);
  const strict = encoded.replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
  const form = new URLSearchParams([["", wellFormed]]).toString().slice(1);
  const forms = [encoded, strict, form, strict.replaceAll("%20", "+"), strict.replaceAll("%2F", "/")];
  return [...forms, ...forms.map((each) => each.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()))];
}

/**
 * Inside a longer base64 text ("user:key" of basic authentication) the value starts at one of three offsets;
 * only the characters that it alone decides are looked for.
 */
function base64Forms(value: string): string[] {
  const bytes = Buffer.from(value, "utf8");
  const forms = [0, 1, 2].map((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64");
    return encoded.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
  });
  const whole = bytes.toString("base64");
  return [whole, whole.replace(/=+$/, ""), ...forms].flatMap((form) => [
    form,
    form.replaceAll("+", "-").replaceAll("/", "_"),
  ]);
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
}
