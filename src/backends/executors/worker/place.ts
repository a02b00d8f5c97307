// Where a function stands in its bundle, for a recipe that has come to a halt: there is no stack then that could tell.

import { Session, type Runtime } from "node:inspector";
import { fileURLToPath } from "node:url";

const handedName = "exp.placeOf";
const handed = Symbol.for(handedName);

interface Location {
  readonly scriptId: string;
  /** From 0. */
  readonly lineNumber: number;
  readonly columnNumber: number;
}

/** A stack of the function alone. Undefined: it is none of a file. */
export function placeOf(asked: (...given: never) => unknown): string | undefined {
  const session = new Session();
  const files = new Map<string, string>();
  let location: Location | undefined;
  session.connect();
  Object.assign(globalThis, { [handed]: asked });
  try {
    // The inspector of one's own thread answers before `post` returns. It tells of each script that was loaded so far.
    session.on("Debugger.scriptParsed", ({ params }) => files.set(params.scriptId, params.url));
    session.post("Debugger.enable");
    session.post("Runtime.evaluate", { expression: `globalThis[Symbol.for("${handedName}")]` }, (_, found) => {
      location = locationOf(session, found);
    });
  } finally {
    Reflect.deleteProperty(globalThis, handed);
    session.disconnect();
  }
  const file = location && files.get(location.scriptId);
  if (location === undefined || file?.startsWith("file:") !== true) return undefined;
  return `    at ${asked.name || "recipe"} (${fileURLToPath(file)}:${location.lineNumber + 1}:${location.columnNumber + 1})`;
}

function locationOf(session: Session, found: Runtime.EvaluateReturnType): Location | undefined {
  const { objectId } = found.result;
  let location: Location | undefined;
  if (objectId === undefined) return undefined;
  session.post("Runtime.getProperties", { objectId, ownProperties: true }, (_, { internalProperties }) => {
    const place = internalProperties?.find(({ name }) => name === "[[FunctionLocation]]");
    location = place?.value?.value as Location | undefined;
  });
  return location;
}
