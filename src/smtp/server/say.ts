/**
 * Every sentence the SMTP server can say, once, by name. Texts are qmail's where qmail has one (spec 2.1, 11.3-11.5): their
 * `(#x.y.z)` stays whether or not the client also gets the code up front (docs/decisions/enhanced-status-codes.md).
 */
import type { ByteString } from "#bytes";
import type { Outcome } from "#mail";
import { enhancedFor, type Reply } from "../grammar/reply.ts";

const reply = (code: number, enhanced: ByteString | null, text: ByteString): Reply => ({
  code,
  enhanced,
  lines: [text],
});

/** Where HELP points: the software whose behaviour this is. */
const home = "qmail home page: https://cr.yp.to/qmail.html";

// RFC 5321 §3.1, §4.1.1.1: greetings and hellos carry no enhanced code (RFC 2034 §4).
export const greeting = (name: ByteString): Reply => reply(220, null, `${name} ESMTP`);
export const hello = (name: ByteString): Reply => reply(250, null, name);
export const extendedHello = (name: ByteString, extensions: readonly ByteString[]): Reply => ({
  code: 250,
  enhanced: null,
  lines: [name, ...extensions],
});
export const goodbye = (name: ByteString): Reply => reply(221, "2.0.0", name);

// RFC 5321 §4.1.1: the ordinary answers.
export const senderOk = reply(250, "2.1.0", "ok");
export const recipientOk = reply(250, "2.1.5", "ok");
export const ok = reply(250, "2.0.0", "ok");
export const flushed = reply(250, "2.0.0", "flushed");
export const triesItsBest = reply(252, "2.1.5", "send some mail, i'll try my best");
export const help = reply(214, "2.0.0", home);
export const goAhead = reply(354, null, "go ahead");
/** RFC 3030 §2: a chunk arrived, and there is more to come. */
export const chunkTaken = (bytes: number): Reply => reply(250, "2.0.0", `ok ${bytes} octets`);
export const accepted = (unixSeconds: number, queueId: number | null): Reply =>
  reply(250, "2.0.0", `ok ${unixSeconds} qp ${queueId ?? 0}`);

// Commands that make no sense here (RFC 5321 §4.2.4, §4.3.2).
export const unimplemented = reply(502, "5.5.1", "unimplemented (#5.5.1)");
export const mailFirst = reply(503, "5.5.1", "MAIL first (#5.5.1)");
export const recipientFirst = reply(503, "5.5.1", "RCPT first (#5.5.1)");
export const chunksUnderWay = reply(503, "5.5.1", "BDAT or RSET now (#5.5.1)");
export const syntax = reply(555, "5.5.4", "syntax error (#5.5.4)");
export const badChunk = reply(501, "5.5.4", "syntax error (#5.5.4)");
/** RFC 5321 §4.5.3.1.4, §4.5.3.1.9. */
export const lineTooLong = reply(500, "5.5.2", "line too long (#5.5.2)");
export const transactionUnderWay = reply(503, "5.5.1", "RSET first (#5.5.1)");
export const tooManyErrors = reply(421, "4.7.0", "too many errors, goodbye (#4.7.0)");
export const tooManyBadRecipients = reply(421, "4.3.0", "too many invalid addresses, goodbye (#4.3.0)");

// Who may send what to whom.
export const badSender = reply(553, "5.7.1", "sorry, your envelope sender is in my badmailfrom list (#5.7.1)");
export const deniedSender = reply(553, "5.7.1", "sorry, your envelope sender has been denied (#5.7.1)");
export const deniedHello = reply(553, "5.7.1", "sorry, your HELO host name has been denied (#5.7.1)");
export const badRecipient = reply(553, "5.7.1", "sorry, your envelope recipient has been denied (#5.7.1)");
export const noRelay = reply(553, "5.7.1", "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)");
export const noRoute = reply(553, "5.7.1", "we don't relay (#5.7.1)");
export const noMailbox = reply(550, "5.1.1", "sorry, no mailbox here by that name (#5.1.1)");
export const cannotTellMailbox = reply(451, "4.3.0", "sorry, unable to check that mailbox now (#4.3.0)");
/** The patch's text says 5.7.1 although the code says later; the code RFC 2034 asks for is 4.5.3 (RFC 5321 §4.5.3.1.10). */
export const tooManyRecipients = reply(452, "4.5.3", "sorry, too many recipients (#5.7.1)");
export const authenticationRequired = reply(530, "5.7.1", "authentication required (#5.7.1)");
/** Exchange's "client was not authenticated to send as that sender" has its own code; there is none registered. */
export const notYourAddress = reply(550, "5.7.60", "sorry, you may not send as that address (#5.7.60)");
export const notYourFrom = reply(550, "5.7.60", "sorry, you may not send with that From (#5.7.60)");
export const badFrom = reply(550, "5.6.0", "sorry, unable to parse your From (#5.6.0)");
export const headerTooLong = reply(552, "5.3.4", "sorry, that header is too long (#5.3.4)");
export const overSendingLimit = reply(450, "4.7.1", "sorry, you have sent as much as you may for now (#4.7.1)");
export const cannotTellLimit = reply(451, "4.3.0", "sorry, unable to check your sending limit now (#4.3.0)");

// Logging in (RFC 4954 §4, §6; texts: spec 11.3).
export const authenticated = reply(235, "2.7.0", "ok, go ahead (#2.0.0)");
export const challenge = (base64: string): Reply => reply(334, null, base64);
export const wrongLogin = reply(535, "5.7.8", "authorization failed (#5.7.0)");
export const tooManyWrongLogins = reply(421, "4.7.0", "too many failed logins, goodbye (#4.7.0)");
export const tooManyLogins = reply(454, "4.7.0", "too many failed logins, try again later (#4.7.0)");
export const cannotAuthenticate = reply(454, "4.7.0", "oops, I can't check that login now (#4.3.0)");
export const alreadyAuthenticated = reply(503, "5.5.1", "you're already authenticated (#5.5.0)");
export const noAuthInTransaction = reply(503, "5.5.1", "no auth during mail transaction (#5.5.0)");
export const noAuth = reply(503, "5.3.3", "auth not available (#5.3.3)");
export const encryptFirst = reply(538, "5.7.11", "encryption required for authentication (#5.7.11)");
export const unknownMechanism = reply(504, "5.5.4", "auth type unimplemented (#5.5.1)");
export const malformedAuth = reply(501, "5.5.2", "malformed auth input (#5.5.4)");
export const cancelledAuth = reply(501, "5.0.0", "auth exchange cancelled (#5.0.0)");
export const badParameter = reply(501, "5.5.4", "bad parameter (#5.5.4)");

// STARTTLS (RFC 3207 §4); qmail's patch gave the words (spec 11.4).
export const tlsReady = reply(220, "2.0.0", "ready for tls");
export const noParameters = reply(501, "5.5.4", "Syntax error (no parameters allowed) (#5.5.4)");
export const tlsAlready = reply(503, "5.5.1", "TLS is on already (#5.5.1)");
export const tlsFirst = reply(530, "5.7.0", "STARTTLS first (#5.7.0)");
export const noTls = (reason: ByteString): Reply => reply(454, "4.3.0", `TLS not available: ${reason} (#4.3.0)`);
export const noCertificate = reply(
  553,
  "5.7.1",
  "sorry, that domain isn't in my list of allowed rcpthosts; no valid cert for gatewaying (#5.7.1)",
);

// The message itself.
export const tooBig = reply(552, "5.3.4", "sorry, that message size exceeds my databytes limit (#5.3.4)");
export const looping = reply(554, "5.4.6", "too many hops, this message is looping (#5.4.6)");
export const bareLf = reply(451, "4.6.0", "See https://cr.yp.to/docs/smtplf.html.");
export const cannotPost = reply(451, "4.3.0", "qqt failure (#4.3.0)");

// The whole session (RFC 5321 §3.8: 421 may come at any time).
export const timeout = reply(451, "4.4.2", "timeout (#4.4.2)");
export const noControls = reply(421, "4.3.0", "unable to read controls (#4.3.0)");
export const noMemory = reply(421, "4.3.0", "out of memory (#4.3.0)");
export const trouble = reply(421, "4.3.0", "internal trouble, try again later (#4.3.0)");
export const shuttingDown = reply(421, "4.3.2", "service is shutting down, try again later (#4.3.2)");
export const tooManySessions = reply(421, "4.3.2", "too many connections, try again later (#4.3.2)");
export const tooManyFromHost = reply(421, "4.7.0", "too many connections from your host (#4.7.0)");
export const talksEarly = reply(554, "5.5.0", "SMTP protocol violation");

// XCLIENT (Postfix's XCLIENT_README).
export const noXclient = reply(550, "5.7.0", "insufficient authorization (#5.7.0)");
export const badXclient = reply(501, "5.5.4", "bad attribute (#5.5.4)");
export const deniedByRules = reply(421, "4.7.1", "no service for your address (#4.7.1)");

/** What the client hears about a message the queue refused (spec 2.1): 554 for good, 451 for now. */
export function refusedByQueue(outcome: Outcome): Reply {
  const code = outcome.fate === "permanent" ? 554 : 451;
  return reply(code, enhancedFor(code, outcome.text), outcome.text);
}
