/**
 * Room `qmtp`: how messages get to a queue: the house's own door (a Unix socket that speaks QMQP and a faster dialect with many
 * messages in flight), the drop folder for when the queue service is down, and the classic QMTP and QMQP.
 * Anyone who injects mail comes here; only the queue service answers (`serveDoor`, `takeDrops`).
 */
export { openDoor } from "./door-client.ts";
export { type BegunEnvelope, type ClientFacts, doorPath, dropFolder, filterPath } from "./door-protocol.ts";
export { type DoorHouse, type Incoming, serveDoor } from "./door-server.ts";
export { dropMessage, takeDrops } from "./drop.ts";
export { NetstringEnd } from "./netstring-protocols-input.ts";
// QMTP and QMQP as their classic programs speak them.
export { openQmqpServers, readQmqpServers } from "./netstring-protocols-null-client.ts";
export { askQmqpServers, parseQmqpServer, type QmqpPackage, type QmqpResult } from "./netstring-protocols-qmqpc.ts";
export { type QmqpHouse, serveQmqpPackage } from "./netstring-protocols-qmqpd.ts";
export { type QmtpHouse, serveQmtp } from "./netstring-protocols-qmtpd.ts";
export type { Door, DoorAnswer, Posting } from "./posting.ts";
export { programDoor } from "./program-door.ts";
