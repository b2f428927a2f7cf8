/**
 * Room `pop3`: both halves of a POP3 server (RFC 1939, 2449, 5034, 6856), which run in different processes. `nextLogin` is the half
 * before login, `serveMailbox` the half after it, on a Maildir. Each speaks `classic` (qmail-popup and qmail-pop3d to the octet) or
 * `current`. Owns nothing on disk; changes a Maildir at QUIT only.
 */
export {
  greeting,
  type LoginHouse,
  type LoginStep,
  type LoginTalk,
  type LoginTry,
  newLoginTalk,
  nextLogin,
} from "./login-session.ts";
export { type Dialect, type MailboxHouse, type SessionReport, serveMailbox } from "./mailbox-session.ts";
export type { AskClient, PopSasl, SaslVerdict } from "./sasl.ts";
export { say } from "./say.ts";
export { classicIdleMs, type SessionEnd } from "./session-end.ts";
