import { type ByteString, fromBytes, netstring, toBytes } from "#bytes";
import { HeldBytes } from "#files";
import { type Address, type Envelope, parseAddress, type ReversePath } from "#mail";
import { maxWireAddressBytes, replies, replyForAnswer } from "./netstring-protocols.ts";
import { NetstringEnd, NetstringInput } from "./netstring-protocols-input.ts";
import type { Posting } from "./posting.ts";

/** What a QMQP session may ask of the house it runs in. Whoever may talk to it may send anything anywhere: guard it by tcp rules. */
export type QmqpHouse = {
  post(envelope: Envelope): Posting;
  /** The trace line for a message that arrives now. */
  traceLine(): ByteString;
  now(): Date;
  /** Stands for the queue's number in a reply when the queue gives none. */
  readonly qp: number;
  /** Where a large message waits for its envelope; default: the temporary folder. */
  readonly holdIn?: string;
};

/** Bytes of one package's addresses; more is trouble with resources. */
const maxEnvelopeBytes = 64 * 1024 * 1024;

/** Serves the one package of a QMQP connection (spec 2.17) and gives back its reply. Throws NetstringEnd. */
export async function serveQmqpPackage(input: AsyncIterable<Uint8Array>, house: QmqpHouse): Promise<Buffer> {
  const source = new NetstringInput(input);
  source.budget = await source.length();
  await using held = new HeldBytes(house.holdIn);
  await readMessage(source, held, house);
  const envelope = await readEnvelope(source);
  source.budget = 1;
  await source.comma();
  return netstring(envelope === null ? replies.badAddress : await postHeld(held, envelope, house));
}

async function readMessage(source: NetstringInput, held: HeldBytes, house: QmqpHouse): Promise<void> {
  const length = await source.length();
  await held.write(toBytes(house.traceLine()));
  for await (const bytes of source.stream(length)) await held.write(bytes);
  await source.comma();
}

/** Sender and recipients up to the end of the budget; null if one of them cannot be taken. */
async function readEnvelope(source: NetstringInput): Promise<Envelope | null> {
  if (source.budget > maxEnvelopeBytes) throw new NetstringEnd(111);
  let sender: ReversePath | null | undefined;
  const recipients: (Address | null)[] = [];
  do {
    const address = await readAddress(source);
    if (sender === undefined) sender = address;
    else recipients.push(address);
  } while (source.budget > 0);
  if (sender === null || recipients.includes(null)) return null;
  return { sender, recipients: recipients as Address[] };
}

async function readAddress(source: NetstringInput): Promise<Address | null> {
  const length = await source.length();
  if (length > source.budget) throw new NetstringEnd(100);
  let address: Address | null = null;
  if (length <= maxWireAddressBytes) address = parseAddress(fromBytes(await source.take(length)));
  else await source.skip(length);
  await source.comma();
  return address;
}

async function postHeld(held: HeldBytes, envelope: Envelope, house: QmqpHouse): Promise<ByteString> {
  const posting = house.post(envelope);
  try {
    for await (const bytes of held.read()) await posting.write(bytes);
  } catch (error) {
    posting.abort();
    throw error;
  }
  return replyForAnswer(await posting.finish(), house.now(), house.qp);
}
