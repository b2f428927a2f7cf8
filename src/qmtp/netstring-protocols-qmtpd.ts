import { type ByteString, fromBytes, netstring, toBytes } from "#bytes";
import { HeldBytes } from "#files";
import { type Address, type Envelope, parseAddress, type ReversePath } from "#mail";
import { CrlfToLf, maxWireAddressBytes, replies, replyForAnswer } from "./netstring-protocols.ts";
import { NetstringEnd, NetstringInput } from "./netstring-protocols-input.ts";
import type { Posting } from "./posting.ts";

/** Bytes of one package's recipients; more is trouble with resources. Far above any real list (half a million addresses). */
const maxRecipientBytes = 16 * 1024 * 1024;
/** And so many of them: an empty one is three bytes to the client and a reply of 73 to us. */
const maxRecipients = 500_000;

const lf = 0x0a;
const cr = 0x0d;

/** What a QMTP session may ask of the house it runs in. */
export type QmtpHouse = {
  post(envelope: Envelope): Posting;
  /** Is mail for this recipient taken from a client that may not relay (rcpthosts, morercpthosts)? */
  allows(recipient: ByteString): boolean | Promise<boolean>;
  /** RELAYCLIENT: the client may relay, and this is put behind every recipient. */
  readonly relayClient: ByteString | null;
  /** Largest message in stored bytes; 0: no limit. */
  readonly dataBytes: number;
  /** The trace line for a message that arrives now. */
  traceLine(): ByteString;
  now(): Date;
  /** Stands for the queue's number in a reply when the queue gives none. */
  readonly qp: number;
};

type HeldMessage = { readonly held: HeldBytes; readonly isTooBig: boolean };
type Recipient = { readonly address: Address } | { readonly refusal: ByteString };

/** Serves QMTP packages until the peer hangs up (spec 2.17). Throws NetstringEnd: how the program is to exit. */
export async function serveQmtp(
  input: AsyncIterable<Uint8Array>,
  write: (reply: Buffer) => Promise<void>,
  house: QmtpHouse,
): Promise<never> {
  const source = new NetstringInput(input);
  for (;;) await write(await servePackage(source, house));
}

/** One package: message, sender, recipients; the replies, one for each recipient in order. */
async function servePackage(source: NetstringInput, house: QmtpHouse): Promise<Buffer> {
  await using held = new HeldBytes();
  const message = await readMessage(source, held, house);
  const sender = await readSender(source);
  const recipients = await readRecipients(source, house);
  const accepted = recipients.flatMap((recipient) => ("address" in recipient ? [recipient.address] : []));
  let reply: ByteString = "";
  if (message.isTooBig) reply = replies.tooBig;
  else if (sender === null) reply = replies.badSender;
  else if (accepted.length > 0) reply = await postMessage(message, { sender, recipients: accepted }, house);
  // Few texts, many recipients: each text is rendered once.
  const rendered = new Map<ByteString, Buffer>();
  const render = (text: ByteString): Buffer => {
    const known = rendered.get(text) ?? netstring(text);
    rendered.set(text, known);
    return known;
  };
  return Buffer.concat(recipients.map((recipient) => render("address" in recipient ? reply : recipient.refusal)));
}

/** Reads the message into `held`, the trace line in front, with LF line ends. */
async function readMessage(source: NetstringInput, held: HeldBytes, house: QmtpHouse): Promise<HeldMessage> {
  const length = await source.length();
  if (length === 0) throw new NetstringEnd(100);
  const [mark] = await source.take(1);
  if (mark !== lf && mark !== cr) throw new NetstringEnd(100);
  const decoder = mark === cr ? new CrlfToLf() : null;
  let storedBytes = 0;
  const store = async (bytes: Buffer): Promise<void> => {
    storedBytes += bytes.length;
    // What is too big is read to its end, because the peer listens only then, but it is not kept.
    if (house.dataBytes === 0 || storedBytes <= house.dataBytes) await held.write(bytes);
  };
  await held.write(toBytes(house.traceLine()));
  for await (const bytes of source.stream(length - 1)) await store(decoder === null ? bytes : decoder.push(bytes));
  if (decoder !== null) await store(decoder.end());
  await source.comma();
  return { held, isTooBig: house.dataBytes !== 0 && storedBytes > house.dataBytes };
}

/** The sender; null if it cannot be one. */
async function readSender(source: NetstringInput): Promise<ReversePath | null> {
  const text = await readAddress(source, await source.length(), maxWireAddressBytes);
  await source.comma();
  if (text === null || text.includes("\0")) return null;
  return text === "" ? "" : parseAddress(text);
}

/** An address of `length` bytes; null, and its bytes passed over, if that is more than `maxBytes`. */
async function readAddress(source: NetstringInput, length: number, maxBytes: number): Promise<ByteString | null> {
  if (length <= maxBytes) return fromBytes(await source.take(length));
  await source.skip(length);
  return null;
}

async function readRecipients(source: NetstringInput, house: QmtpHouse): Promise<readonly Recipient[]> {
  const total = await source.length();
  if (total > maxRecipientBytes) throw new NetstringEnd(111);
  const recipients: Recipient[] = [];
  const outer = source.budget;
  source.budget = total;
  while (source.budget > 0) {
    const length = await source.length();
    if (length >= source.budget) throw new NetstringEnd(100);
    if (recipients.length === maxRecipients) throw new NetstringEnd(111);
    recipients.push(await readRecipient(source, length, house));
    await source.comma();
  }
  source.budget = outer;
  await source.comma();
  return recipients;
}

async function readRecipient(source: NetstringInput, length: number, house: QmtpHouse): Promise<Recipient> {
  const suffix = house.relayClient ?? "";
  const text = await readAddress(source, length, maxWireAddressBytes - suffix.length);
  if (text === null) return { refusal: replies.badRecipient };
  if (house.relayClient === null && !(await house.allows(text))) return { refusal: replies.foreignRecipient };
  const address = parseAddress(text + suffix);
  return address === null ? { refusal: replies.badRecipient } : { address };
}

async function postMessage(message: HeldMessage, envelope: Envelope, house: QmtpHouse): Promise<ByteString> {
  const posting = house.post(envelope);
  try {
    for await (const bytes of message.held.read()) await posting.write(bytes);
  } catch (error) {
    posting.abort();
    throw error;
  }
  return replyForAnswer(await posting.finish(), house.now(), house.qp);
}
