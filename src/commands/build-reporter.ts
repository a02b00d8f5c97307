// Who shows a build's events: lines for programs, a terminal, or plain lines. Secrets are masked here, on the last step to anybody's eyes.

import type { Event } from "../model/event.ts";
import type { Json } from "../model/json.ts";
import { asItIs, maskStrings } from "../planning/config/mask.ts";
import type { Failure } from "../model/failure.ts";
import { renderFailure } from "../report/messages.ts";
import type { Reporter } from "../ui/reporter.ts";
import { withoutPasswords } from "../util/url.ts";
import type { Arguments } from "./arguments.ts";
import { paletteOf, type Screen } from "./screen.ts";

/** `targets`: names that will appear, where they are known. */
export async function makeReporter(
  args: Arguments,
  screen: Screen,
  targets: readonly string[] = [],
): Promise<Reporter> {
  if (args.flags.json === true) {
    const { createNdjsonReporter } = await import("../ui/ndjson.ts");
    return createNdjsonReporter({ write: screen.write });
  }
  const shared = {
    renderFailure: (failure: Failure) => renderFailure(failure, { color: screen.color }),
    palette: paletteOf(screen),
    again: wordCommand(screen.argv),
    againWithMore: wordCommand([...withoutLimit(screen.argv), "--max-usd", "MORE"]),
    targets,
  };
  if (screen.isTerminal) {
    const { createTerminalReporter } = await import("../ui/terminal.ts");
    return createTerminalReporter({ ...shared, stream: process.stdout });
  }
  const { createPlainReporter } = await import("../ui/plain.ts");
  return createPlainReporter({ ...shared, write: screen.write });
}

function withoutLimit(argv: readonly string[]): readonly string[] {
  return argv.filter(
    (word, i) => !word.startsWith("--max-usd=") && word !== "--max-usd" && argv[i - 1] !== "--max-usd",
  );
}

function wordCommand(argv: readonly string[]): string {
  return ["exp", ...argv.map(withoutPasswords)]
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(" ");
}

export function maskEvent(event: Event, mask: (text: string) => string): Event {
  if (mask === asItIs) return event;
  const text = JSON.stringify(event);
  return mask(text) === text ? event : (maskStrings(event as unknown as Json, mask) as unknown as Event);
}
