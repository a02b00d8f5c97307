// The suite for every executor, on a cluster that sees nothing of the project but a shared cache.

import { places } from "./executors.places.ts";
import { executorSuite } from "./executors.suite.ts";

executorSuite(places.slurmThroughSharedCache);
