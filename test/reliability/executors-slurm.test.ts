// The suite for every executor, on a cluster that sees the project.

import { places } from "./executors.places.ts";
import { executorSuite } from "./executors.suite.ts";

executorSuite(places.slurm);
