/**
 * Room `remote`: takes one message to another host (qmail-rspawn and qmail-remote): routes, MX, self check, dead hosts, idle
 * sessions, the report in qmail's words. `makeDeliver` is the remote channel's courier function; it writes no files.
 */
export { attempt } from "./attempt.ts";
export { type DeadHostEntry, DeadHosts } from "./dead-hosts.ts";
export { makeDeliver } from "./deliver.ts";
export { type Report, renderReport } from "./report.ts";
export { deliverByProgram } from "./run-program.ts";
export { askTcpok, askTcpto, serveTcpto, TcptoError } from "./tcpto-door.ts";
export { say as remoteTexts } from "./texts.ts";
export { openWorld, type RemoteWorld } from "./world.ts";
