// Errors that nobody caught: a throw in a timer, a rejection without a handler. They are laid at the door of the action in whose course they began,
// not of the one that happens to run when they surface.

import { AsyncLocalStorage } from "node:async_hooks";
import { writeSync } from "node:fs";
import { inspect } from "node:util";

interface Course {
  /** Undefined once the action has ended. */
  fail: ((error: unknown) => void) | undefined;
}

const courses = new AsyncLocalStorage<Course>();
/** Of the action that is under way. */
let current: Course | undefined;

/** Runs the work of one action; rejects when an error strays in its course, of which `onStray` is told: what threw may still be running. */
export async function inCourse<T>(work: () => Promise<T>, onStray: () => void): Promise<T> {
  const course: Course = { fail: undefined };
  const strayed = new Promise<never>((_, reject) => {
    course.fail = (error) => {
      onStray();
      reject(error instanceof Error ? error : new Error(`threw ${inspect(error)}, which is not an Error`));
    };
  });
  current = course;
  try {
    return await courses.run(course, () => Promise.race([work(), strayed]));
  } finally {
    course.fail = undefined;
    current = undefined;
  }
}

/** Ends the action that is under way, if there is one, though nothing strayed. */
export function failCourse(error: Error): void {
  current?.fail?.(error);
}

/** From now on stray errors are sorted by action. `log` is given those of actions that have ended, which harm nobody. */
export function catchStrays(log: (text: string) => void): void {
  const sort = (error: unknown) => {
    const course = courses.getStore();
    if (course?.fail !== undefined) course.fail(error);
    else if (course !== undefined) log(`an error after its action had ended: ${inspect(error)}\n`);
    else {
      // The worker's own: it dies as any program would.
      writeSync(2, `${inspect(error)}\n`);
      process.exit(1);
    }
  };
  process.on("uncaughtException", sort);
  process.on("unhandledRejection", sort);
}
