/**
 * Room `services`: one file per long-lived role, each a process of its own under the supervisor. A file opens the doors its
 * role may open (DESIGN: who may touch what) and hands the rooms below what they need. `run.ts` is the process's entry.
 */
export type { RunningService, Service, ServiceStart } from "./service.ts";
