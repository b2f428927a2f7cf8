/**
 * Room `mailbox`: where mail ends: Maildirs and mbox files of users. Owns no folder of its own; writes below users' homes, as
 * the user. `deliverToMaildir` and `appendToMbox` say success only when the message is on disk.
 */
export { type BatchPlace, DurableBatch } from "./durable-batch.ts";
export { fromLine } from "./from-line.ts";
export { cleanMaildirTmp, findMoved, type ListedMessage, listMaildir, uniqueNameOf } from "./list-maildir.ts";
export { type MailItem, messagePieces, UnreadableMessage } from "./mail-item.ts";
export { deliverToMaildir, type MaildirDelivery, type MaildirKeeper } from "./maildir.ts";
export { type DeliveryMark, freshMaildirName, hostInName, maildirName } from "./maildir-name.ts";
export { type MaildirToMbox, maildirToMbox } from "./maildir-to-mbox.ts";
export { makeMaildir } from "./make-maildir.ts";
export { appendToMbox, type MboxEntry } from "./mbox.ts";
export { type MboxrdQuoter, quoteMboxrd } from "./mboxrd.ts";
export { updateMaildir } from "./update-maildir.ts";
