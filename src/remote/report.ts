import type { ByteString } from "#bytes";
import { type Fate, fateOfLetter, letterOfFate, type Outcome, temporary } from "#mail";

/**
 * What qmail-remote reports of one message: how each recipient fared as far as that was asked (`done`: accepted), then the
 * message as a whole.
 */
export type Report = {
  readonly recipients: readonly Outcome[];
  readonly message: Outcome;
  /** Which recipients the server turned away only because it had enough of them for one message. */
  readonly tooMany?: readonly number[];
};

const recipientLetters = { done: "r", temporary: "s", permanent: "h" } as const satisfies Record<Fate, string>;
const fateOfRecipientLetter: ReadonlyMap<string, Fate> = new Map([
  ["r", "done"],
  ["s", "temporary"],
  ["h", "permanent"],
]);

const rank = { permanent: 0, temporary: 1, done: 2 } as const satisfies Record<Fate, number>;

/** A report as qmail-remote prints it: each part a letter, text, NUL. */
export function renderReport({ recipients, message }: Report): ByteString {
  const parts = recipients.map(({ fate, text }) => `${recipientLetters[fate]}${clean(text)}\0`);
  return `${parts.join("")}${letterOfFate[message.fate]}${clean(message.text)}\0`;
}

const clean = (text: ByteString): ByteString => text.replaceAll("\0", "?");

/**
 * Reads what a qmail-remote printed. A program that breaks off without a message report gets a temporary one: what it did is
 * not known (qmail-rspawn bounces here; we do not).
 */
export function parseReport(output: ByteString): Report {
  const recipients: Outcome[] = [];
  for (const part of output.split("\0").slice(0, -1)) {
    const letter = part.slice(0, 1);
    const text = part.slice(1);
    const messageFate = fateOfLetter(letter);
    if (messageFate !== null) return { recipients, message: { fate: messageFate, text } };
    const fate = fateOfRecipientLetter.get(letter);
    if (fate === undefined) break;
    recipients.push({ fate, text });
  }
  return { recipients, message: temporary("qmail-remote produced no report.\n") };
}

/**
 * One recipient's outcome, by qmail-rspawn's rule (spec 4.9): the recipient's refusal decides, else the message's fate; the
 * text is the first recipient's, then the message's unless that is better than the result.
 */
export function combine(report: Report): Outcome {
  return outcomeOf(report, 0);
}

/** The same for the recipient at `index` of several in one transaction. One that was not asked about shares the message's fate. */
export function outcomeOf({ recipients, message }: Report, index: number): Outcome {
  const own = recipients[index];
  if (own === undefined) return message;
  const fate = own.fate === "done" ? message.fate : own.fate;
  return { fate, text: rank[message.fate] <= rank[fate] ? `${own.text}${message.text}` : own.text };
}
