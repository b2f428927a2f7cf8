/**
 * Room `inject`: how mail gets from people and programs of this machine into a queue. It completes headers (`compose`), makes
 * envelopes, and knows the ways in (`posterFor`: QMAILQUEUE, the queue's door, the drop folder, other machines' queues).
 * Owns nothing on disk. The injecting programs on the roof call it; `forward` and its kin need `posterFor` and `callerOrigin`.
 */
export { type Composed, type ComposeFacts, compose, returnPathLine } from "./compose.ts";
export { type InjectControl, readInjectControl } from "./control.ts";
export { type InjectEnvironment, type InjectLetters, readInjectEnvironment } from "./environment.ts";
export { type InjectHouse, inject } from "./inject.ts";
export { type InjectOptions, parseInjectArguments } from "./options.ts";
export { callerOrigin, originOf } from "./origin.ts";
export { doorOrDrop, type Poster, posterFor, queuePoster } from "./poster.ts";
export { type QueueEnvelope, QueueEnvelopeReader, readQueueEnvelope } from "./queue-envelope.ts";
export { queueProgram, type ReadPair, readPair } from "./queue-program.ts";
export { MessageReadError, type OpenMessage, openMessage } from "./read-message.ts";
export type { Refusal } from "./refusal.ts";
export { planSendmail, type SendmailPlan, sendmail } from "./sendmail.ts";
export { mailsubj, predate } from "./small-injectors.ts";
export { uniqueNumber } from "./unique-number.ts";
