/**
 * Room `smtp`, the client's half: one conversation with one server. `openSession` takes a fresh TCP connection through greeting,
 * EHLO (or HELO) and STARTTLS; a session then sends message after message. Everything a server can do ends in a value.
 */
export type { Credentials } from "./authenticate.ts";
export { breaksCommand } from "./envelope-lines.ts";
export { type Opened, type OpenOptions, openSession } from "./open-session.ts";
export type { ServerReply } from "./reply.ts";
export { type MessageBody, type OutgoingMail, type SendResult, SmtpSession } from "./session.ts";
export type { TlsManner, TlsPolicy } from "./start-tls.ts";
