/**
 * Room `mail`: the nouns every part of a mail system shares: address, envelope, outcome. Pure: no disk, no sockets.
 * Addresses are byte strings (see `#bytes`) in qmail's envelope form: unquoted, `box@domain`, the domain after the LAST `@`.
 */
export {
  type Address,
  domainOf,
  localPartOf,
  maxAddressBytes,
  parseAddress,
  quoteAddress,
  quoteLocalPart,
} from "./address.ts";
export type { DeliveryJob, LocalRoute, MessageSource } from "./delivery.ts";
export { type Envelope, isNullPath, type ReversePath } from "./envelope.ts";
export { messageInMemory } from "./message-in-memory.ts";
export { type Invoker, type Origin, receivedByQueue } from "./origin.ts";
export {
  done,
  exitCodeFor,
  type Fate,
  fateOfLetter,
  letterOfFate,
  type Outcome,
  permanent,
  temporary,
} from "./outcome.ts";
export { maxCustomTextBytes, queueExitCode, queueExitOutcome } from "./queue-exit.ts";
export { expandVerp, isVerpTemplate } from "./verp.ts";
