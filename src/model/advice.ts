// Commands that a user is advised to type.

/** `exp build judge`, and with `--run` where another run than the usual one is meant. */
export function inRun(command: string, run: string): string {
  return run === "default" ? command : `${command} --run ${run}`;
}
