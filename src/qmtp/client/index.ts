/**
 * A part of the room `qmtp` with a door of its own: the client of QMTP, for hosts whose MX or route asks for it. It loads nothing
 * of the queue's door.
 */
export { maxAnnouncedBytes as maxPackageBytes } from "../netstring-protocols.ts";
export { type QmtpPackage, type QmtpReply, type QmtpResult, sendQmtpPackage } from "./send-package.ts";
