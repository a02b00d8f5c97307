/**
 * Files that people must download by hand (a form to sign, a log-in): the build says what is missing and how to get it,
 * waits, and goes on once the files are there. With no request it is done at once.
 */
import { handoff, z } from "expfile";

export const byHand = handoff({
  name: "peptides/by-hand",
  config: z.strictObject({
    requests: z
      .array(
        z.strictObject({
          /** Where to put it, from the folder of the Expfile. */
          path: z.string().min(1),
          /** What it is: "HemoPI test set, FASTA". */
          what: z.string().min(1),
          /** How to get it: the address, the button, the form to sign. */
          how: z.string().min(1),
        }),
      )
      .default([]),
  }),
  requests: (config) => config.requests,
});
