// What a batch ends with that has no other way to tell its driver: codes that neither Node nor a shell give.

export const exitCodes = {
  seesNoFolder: 75,
  reachesNoPlace: 76,
  hasNoNode: 77,
} as const;
