// The suite for every executor, on this machine.

import { places } from "./executors.places.ts";
import { executorSuite } from "./executors.suite.ts";

executorSuite(places.local);
