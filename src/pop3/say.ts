import type { ByteString } from "#bytes";

/** qmail's reply to success: a blank stands before the line end. */
export const ok = "+OK \r\n";
/** What ends a reply of several lines. */
export const endOfLines = ".\r\n";

const err = (text: string): string => `-ERR ${text}\r\n`;

/** `+OK` with words behind it. */
export const okWith = (text: ByteString): ByteString => `+OK ${text}\r\n`;

/** Every refusal by its name; qmail's words where qmail has words for it. Codes in brackets: RFC 2449 §8, RFC 3206. */
export const say = {
  syntax: err("syntax error"),
  unimplemented: err("unimplemented"),
  alreadyDeleted: err("already deleted"),
  fromOne: err("messages are counted from 1"),
  notThatMany: err("not that many messages"),
  cannotOpen: err("unable to open that message"),
  cannotScan: err("unable to scan $HOME/Maildir"),
  noMaildir: err("this user has no $HOME/Maildir"),
  cannotUnlink: err("unable to unlink all deleted messages"),
  // qmail-popup
  authorizationFirst: err("authorization first"),
  userFirst: err("USER first"),
  popupUsage: err("usage: popup hostname subprogram"),
  childCrashed: err("aack, child crashed"),
  refused: err("authorization failed"),
  // Ours
  refusedCoded: err("[AUTH] authorization failed"),
  tooManyFailures: err("[SYS/TEMP] too many failed logins, try again later"),
  later: err("[SYS/TEMP] unable to check that password now, try again later"),
  mailboxLater: err("[SYS/TEMP] unable to open the mailbox now, try again later"),
  plainRefused: err("passwords are not taken in the clear here: use TLS"),
  tooManySessions: err("[SYS/TEMP] too many sessions, try again later"),
  shuttingDown: err("[SYS/TEMP] shutting down, try again later"),
  tooLong: err("line too long"),
  tooMany: err("too many errors"),
  aborted: err("authentication aborted"),
  noSuchMechanism: err("no such mechanism"),
  noSuchLanguage: err("no such language"),
  tlsAlready: err("TLS is on already"),
  tlsLater: err("[SYS/TEMP] TLS is not to be had now"),
  tlsNotNow: err("not before login"),
} as const;
