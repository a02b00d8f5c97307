// The suite for every executor, in containers, while the platform does its worst.

import { places } from "./executors.places.ts";
import { executorSuite } from "./executors.suite.ts";

executorSuite(places.modalWithFaults);
