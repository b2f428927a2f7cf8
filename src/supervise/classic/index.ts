/**
 * Room `supervise`, services of the admin: daemontools' supervise and svscan. A door of its own: who watches only Quail's services
 * need not load it.
 *
 * `Keeper` keeps the service of one directory running; `superviseMany` does so for every directory in one, with their logs, in this
 * process; `reapOrphans` is for process 1.
 */
export { Keeper, type KeeperParts } from "./keeper.ts";
export { reapOrphans } from "./reap.ts";
export { type ScanParts, type Supervision, superviseMany } from "./supervise-many.ts";
