/**
 * Room `supervise`, the service directory: daemontools' protocol on disk (`supervise/{lock,control,ok,status}`), from both sides. A door
 * of its own, for svc and svstat need nothing else.
 *
 * `Desk` is where a supervise sits; `findService`, `sendCommands`, `readReport`, `knockAt` are for who asks; `HeldFolder` and the
 * FIFOs are what it is made of. On disk: the state folder and, between a service and its log, a named pipe.
 */
export {
  findService,
  knockAt,
  readReport,
  type ServiceReport,
  type ServiceView,
  sendCommands,
  type Trouble,
} from "./client.ts";
export { Desk, DeskError, type DeskParts, type StatusFacts } from "./desk.ts";
export { openPipe, type PipeEnds } from "./fifo.ts";
export { HeldFolder, identityOf } from "./held-folder.ts";
export { reportLine, secondsSince } from "./report-line.ts";
export { stateFolder } from "./state-folder.ts";
export { parseStatus, renderStatus, type ServiceState, type StatusRecord, type Wanted } from "./status-record.ts";
