/**
 * What smtpd writes to its log (qmail-smtpd wrote nothing: spec G7). One event, one line, stable words first; the `id` is the
 * same in all lines of a session, `qp` is the queue's number of the message, as in `info msg`. Values that are not there are
 * left out, empty ones shown as `-`; blanks and odd octets in what peers said become `_`.
 *
 *     smtpd accept id=k3f9-17 ip=192.0.2.1 helo=client.test from=a@b.test to=c@d.test recipients=2 bytes=1234 qp=55
 *         a message is in the queue; `to` is its first recipient
 *     smtpd reject id=k3f9-17 ip=192.0.2.1 reason=rcpthosts code=553 from=a@b.test to=x@y.test
 *         a command got 4xx or 5xx. Reasons: unknown-verb, sequence, syntax, line-too-long (wrong commands);
 *         auth-unavailable, auth-mechanism, auth-syntax, auth-cancelled (at AUTH);
 *         tls, size, auth, owner (at MAIL); badhelo, badmailfrom, badmailfrompatterns, rcpthosts, relayreject, badrcptto,
 *         badrcptpatterns, maxrcpt, no-mailbox, mailbox-check (at RCPT); too-big, looping, bare-lf, no-door, queue (the message;
 *         `no-door`: an alert line tells why; `queue`: the queue or a QMAILQUEUE program said no, `said` has its words);
 *         sending-limit, not-your-from, bad-from, header-too-long (the message of who has logged in)
 *     smtpd login id=k3f9-17 ip=192.0.2.1 user=joe mechanism=PLAIN
 *     smtpd login refused id= ip= user= mechanism= reason=wrong|too-many        as the client wrote the name
 *     smtpd login trouble id= ip= user= mechanism= reason=                     it could not be checked
 *     smtpd tls-failed id=k3f9-17 ip=192.0.2.1 reason=ERR_SSL_NO_SHARED_CIPHER
 *         a handshake came to nothing: OpenSSL's word for it, or `timeout`, `closed`
 *     smtpd session id=k3f9-17 ip=192.0.2.1 helo=client.test accepted=1 rejected=0 bytes=1234 seconds=0.132 end=quit
 *         a session is over; over TLS also `tls` (the version), `cipher`, `sni` (the name the client asked for), `cert` (whom
 *         clientca.pem vouches for), `resumed=1` after a session ticket. `end` is one of the words of `SessionEnd`: quit, eof (the peer hung up), timeout, lost (the
 *         connection broke), bare-lf, errors, bad-recipients, early-talker, line-too-long, too-big, bad-chunk,
 *         rules, controls, shutdown, stress (all slots taken, this one idle), tls (no handshake), trouble (our bug: an alert line tells)
 */
import { eventLine } from "#log";
import type { Reply } from "../grammar/reply.ts";
import type { Conversation, SessionEnd } from "./conversation.ts";
import type { Refusal, Transaction } from "./phase.ts";

const who = (talk: Conversation) => ({ id: talk.id, ip: talk.client.ip });

export function logAccepted(talk: Conversation, transaction: Transaction, bytes: number, qp: number | null): void {
  const facts = {
    ...who(talk),
    helo: talk.helo ?? undefined,
    from: transaction.sender,
    to: transaction.recipients[0] ?? "",
    recipients: transaction.recipients.length,
    bytes,
    qp: qp ?? 0,
  };
  talk.house.log(eventLine("smtpd accept", facts));
}

export function logLogin(
  talk: Conversation,
  how: "" | "refused" | "trouble",
  facts: { readonly user: string; readonly mechanism: string; readonly reason?: string },
): void {
  talk.house.log(eventLine(how === "" ? "smtpd login" : `smtpd login ${how}`, { ...who(talk), ...facts }));
}

export function logRefused(talk: Conversation, refusal: Refusal, reply: Reply): void {
  const facts = {
    ...who(talk),
    reason: refusal.reason,
    code: reply.code,
    from: refusal.from,
    to: refusal.to,
    bytes: refusal.bytes,
    said: refusal.reason === "queue" ? reply.lines[0] : undefined,
  };
  talk.house.log(eventLine("smtpd reject", facts));
}

export function logTlsFailure(talk: Conversation, reason: string): void {
  talk.house.log(eventLine("smtpd tls-failed", { ...who(talk), reason }));
}

function secureFacts({ tls }: Conversation) {
  if (tls === null) return {};
  const { version, cipher, sni, clientCert, isResumed } = tls;
  return {
    tls: version,
    cipher,
    sni: sni ?? undefined,
    cert: clientCert === null ? undefined : (clientCert.emails[0] ?? clientCert.commonName ?? clientCert.fingerprint),
    resumed: isResumed ? 1 : undefined,
  };
}

export function logSession(talk: Conversation, end: SessionEnd, seconds: number): void {
  const facts = {
    ...who(talk),
    helo: talk.helo ?? undefined,
    accepted: talk.accepted,
    rejected: talk.rejected,
    bytes: talk.acceptedBytes,
    ...secureFacts(talk),
    seconds: seconds.toFixed(3),
    end,
  };
  talk.house.log(eventLine("smtpd session", facts));
}
