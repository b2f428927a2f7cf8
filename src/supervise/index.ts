/**
 * Room `supervise`: keeping services running (svscan's and supervise's job). Ground floor: knows no mail. Stays small, because
 * the supervisor lives as long as the machine and everything it starts is forked from it.
 *
 * `startHouse` runs services in stages, each a process of its own, restarts what dies, writes their lines to rotated logs under
 * `log/`. `lockHome` keeps a second house out of one home. On disk: `log/<service>/`, `run/services`, the lock files it is told.
 */
export { type HomeLock, lockHolder, lockHome } from "./home-lock.ts";
export { type House, type HouseEvents, type Stages, StartFailure, startHouse } from "./house.ts";
export { LogFile, type LogLimits } from "./log-file.ts";
export { firstHeldFd, type ServiceSpec, type Substitute } from "./service-spec.ts";
export { wholeLines } from "./whole-lines.ts";
