// What can go wrong at Modal, told apart by what helps: asking again, waiting, or a person. Of whatever the SDK throws.

import { unreachable } from "../../../util/result.ts";

export interface CloudProblem {
  readonly kind:
    | "credentials"
    /** Asked too often. */
    | "throttled"
    /** There is no room for it now. */
    | "no-capacity"
    /** No answer, or one that says that the service is not well. */
    | "unreachable"
    | "not-found"
    /** The name is somebody's who lives. */
    | "taken"
    /** It has ended before it was there. */
    | "ended"
    /** The image could not be built. */
    | "image"
    /** The same would be refused again. */
    | "refused";
  readonly message: string;
  /** It may have been done all the same. */
  readonly isUnclear: boolean;
}

/** Whether the same may go well later. */
export function mayPass({ kind }: CloudProblem): boolean {
  switch (kind) {
    case "throttled":
    case "no-capacity":
    case "unreachable":
    case "ended":
      return true;
    case "credentials":
    case "not-found":
    case "taken":
    case "image":
    case "refused":
      return false;
    default:
      return unreachable(kind);
  }
}

/** A call that was given up after its time. */
export class DeadlinePassed extends Error {
  constructor(what: string, ms: number) {
    super(`${what}: no answer within ${Math.round(ms / 1000)} s`);
  }
}

/** Of gRPC. */
const codes = {
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;

/** Throws on what is no failure of the service, but a bug. */
export function problemOf(error: unknown): CloudProblem {
  if (error instanceof DeadlinePassed) return problem("unreachable", error.message, true);
  if (!(error instanceof Error) || error instanceof ReferenceError) throw error;
  const code = (error as { readonly code?: unknown }).code;
  // What fetch throws says nothing; its cause does.
  if (error instanceof TypeError && code === undefined) {
    if (error.cause instanceof Error) return problem("unreachable", error.cause.message, true);
    throw error;
  }
  if (typeof code === "number") return ofCode(code, detailsOf(error));
  switch (error.name) {
    case "ResourceExhaustedError":
      return problem("no-capacity", error.message);
    case "AlreadyExistsError":
      return problem("taken", error.message);
    case "NotFoundError":
      return problem("not-found", error.message);
    case "ConflictError":
      return problem("ended", error.message);
    case "TimeoutError":
    case "InternalFailure":
      return problem("unreachable", error.message, true);
  }
  if (error.message.includes("missing credentials")) return problem("credentials", error.message);
  if (error.message.startsWith("Image build"))
    return /Please try again/.test(error.message)
      ? problem("unreachable", error.message)
      : problem("image", error.message.replace(/^Image build for \S+ failed with the exception:\s*/, ""));
  return problem("refused", error.message);
}

function ofCode(code: number, message: string): CloudProblem {
  switch (code) {
    case codes.unauthenticated:
    case codes.permissionDenied:
      return problem("credentials", message);
    case codes.resourceExhausted:
      return problem("throttled", message);
    case codes.notFound:
      return problem("not-found", message);
    case codes.alreadyExists:
      return problem("taken", message);
    case codes.invalidArgument:
    case codes.failedPrecondition:
    case codes.outOfRange:
    case codes.unimplemented:
      return problem("refused", message);
    default:
      // Cancelled, unknown, too late, aborted, internal, unavailable, lost: it may have been done.
      return problem("unreachable", message, true);
  }
}

function problem(kind: CloudProblem["kind"], message: string, isUnclear = false): CloudProblem {
  return { kind, message, isUnclear };
}

function detailsOf(error: Error): string {
  const { details } = error as { readonly details?: unknown };
  return typeof details === "string" && details !== "" ? details : error.message;
}
