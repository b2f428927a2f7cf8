/**
 * Room `smtp`: the Simple Mail Transfer Protocol, both sides. `grammar/` is text rules; `server/` receives and is entered here:
 * its verbs are a table, its replies one file, its DATA decoder one class. The server is given a `House` for everything beyond
 * its peer: control files as read, the queue's door, the recipient check, time. Sockets and processes belong to `services/smtpd`
 * and `programs/qmail/qmail-smtpd`. `client/` sends; its door is `#smtp/client`, for no process does both.
 */
export { splitCommand } from "./grammar/command.ts";
export { decodeXtext, parseParameters } from "./grammar/parameters.ts";
export { maxPathBytes, parsePath } from "./grammar/path.ts";
export { enhancedFor, type Reply, renderReply } from "./grammar/reply.ts";
export { Admission, type AdmissionLimits } from "./server/admission.ts";
export { askLocal, type LocalCheck } from "./server/ask-local.ts";
export { loadSmtpControls, readNetworks, type SmtpControls, smtpControlFiles } from "./server/controls.ts";
export { Conversation, type SessionEnd } from "./server/conversation.ts";
export { DataDecoder } from "./server/data-decoder.ts";
export type { House, RecipientAnswer, Surroundings } from "./server/house.ts";
export type { LoginHouse, LoginStart, LoginTalk, LoginTurn } from "./server/login.ts";
export { searchMoreRcptHosts } from "./server/more-rcpt-hosts.ts";
export { mayReceive, type RelayRules } from "./server/rcpt-hosts.ts";
export * as say from "./server/say.ts";
export { converse } from "./server/session.ts";
export { loadSenderRules, ownsAddress, type SenderRules, senderRuleFiles } from "./server/submission/sender-rules.ts";
