// The suite for every executor, in containers.

import { places } from "./executors.places.ts";
import { executorSuite } from "./executors.suite.ts";

executorSuite(places.modal);
